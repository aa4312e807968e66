import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import pkg from '../../package.json' with { type: 'json' }

/** Builds the page into a directory, by the command that `npm run build` has for it. */
export async function buildPage (directory: string): Promise<void> {
  const [command, ...args] = pkg.scripts['build:page'].split(' ')
  await promisify(execFile)(`node_modules/.bin/${command}`, args.map(arg => arg.startsWith('--outdir=') ? `--outdir=${directory}` : arg))
}
