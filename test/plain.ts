/**
 * The program and arguments that run a command without the loader and the coverage that the test runner gives to every
 * child by NODE_OPTIONS: as it runs in production, and as fast. What compiled code covers must not be counted: by its
 * source maps it has the functions of a source elsewhere than the source itself, and the report has each of them twice.
 */
export function plain (...command: readonly string[]): [program: string, args: string[]] {
  return ['env', ['-u', 'NODE_OPTIONS', ...command]]
}
