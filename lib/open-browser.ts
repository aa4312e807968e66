import { spawn } from 'node:child_process'

/** The command of each system that opens a URL as a click would. */
const COMMANDS: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', '']
}

/** Opens a URL in the browser of whoever sits at this machine. Resolves with what went wrong, if the command could not be run. */
export async function openBrowser (url: string): Promise<Error | undefined> {
  const [program, ...args] = COMMANDS[process.platform] ?? ['xdg-open']
  const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true })
  child.unref()
  return await new Promise(resolve => child.once('error', resolve).once('spawn', () => resolve(undefined)))
}
