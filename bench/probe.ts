/** What a measured process says of itself. */
export interface Usage {
  /** CPU time since its start, user and system, all threads, in microseconds. */
  readonly cpu: number
  readonly memory: NodeJS.MemoryUsage
}

/**
 * Preloaded (`--import`) into the processes that are measured, so that the product needs no code for it: answers `gc` by
 * collecting garbage and `usage` with a {@link Usage}, and ends the process when whoever started it lets go of it or is gone.
 */
process.on('message', async message => {
  if (message === 'gc') {
    globalThis.gc?.()
    // Pages are given back by other threads, a moment later.
    await new Promise(resolve => setTimeout(resolve, 100))
    globalThis.gc?.()
  }
  const { user, system } = process.cpuUsage()
  process.send?.({ cpu: user + system, memory: process.memoryUsage() } satisfies Usage)
})
// An exit of its own lets a profiler write what it has (--cpu-prof).
process.once('disconnect', () => process.exit())
// The channel must not keep a process alive that is done.
process.channel?.unref()
