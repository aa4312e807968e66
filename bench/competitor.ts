/** A process that takes all the CPU time it can get, until it is ended, and for a minute at most. */
for (const end = performance.now() + 60_000; performance.now() < end;);
