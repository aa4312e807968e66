import pino, { type DestinationStream } from 'pino'

/** How many bytes may wait for whoever reads the log; what comes on top is lost. */
const BACKLOG = 1024 * 1024

/**
 * Where log lines go: the standard output, or another descriptor. What cannot be written (the disk is full, the reader is gone
 * or too slow) is lost. It costs the process neither its life, nor unbounded memory, nor a stop that never ends.
 */
export function logDestination (descriptor = process.stdout.fd): DestinationStream {
  const destination = pino.destination({ dest: descriptor, sync: false, maxLength: BACKLOG })
  const flush = destination.flushSync.bind(destination)
  let fails = false
  destination.on('error', () => { fails = true }).on('write', () => { fails = false })
  // At the end of the process it tries for as long as it cannot write, which may be for ever.
  destination.flushSync = () => { if (!fails) flush() }
  return destination
}
