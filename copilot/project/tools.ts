import type { PermissionRequest, PermissionRequestResult, Tool, ToolResultObject } from '@github/copilot-sdk'
import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import type { Project } from './confine.ts'
import { list } from './list.ts'
import { read } from './read.ts'
import { Refusal } from './refusal.ts'
import { search } from './search.ts'

/** How long one use of a tool may take, waiting for other uses included, in milliseconds. */
const DEADLINE = 10_000

const path = (description: string) => Type.String({ maxLength: 1_000, pattern: '^[^\\0]*$', description })
const directory = Type.Optional(path('a directory, relative to the project; by default the project itself'))

const ListArguments = Type.Object({ path: directory })
const ReadArguments = Type.Object({
  path: path('a file, relative to the project'),
  from: Type.Optional(Type.Integer({ minimum: 1, description: 'the first line to read; 1 by default' }))
})
const SearchArguments = Type.Object({
  text: Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\r\\n]*$', description: 'the text to find, taken literally, within one line; upper and lower case are the same' }),
  path: directory
})

/**
 * The tools by which a model reads a project: they list, read and search, and change nothing. The SDK must have no tools of these
 * names, because it would silently use its own. The deadline is in milliseconds.
 */
export function projectTools (project: Project, deadline = DEADLINE): Tool[] {
  const inTurn = oneAtATime()
  return [
    tool('project_list', 'Lists a directory of the project. Directories end with "/", symbolic links with "@".', ListArguments, deadline,
      async args => await list(project, args)),
    tool('project_read', 'Reads a text file of the project. Of a long file it gives the beginning, and says which line comes next.', ReadArguments, deadline,
      async (args, signal) => await read(project, args, signal)),
    // Searches take the most time by far, and many at once would slow down every answer of the process.
    tool('project_search', 'Searches the text files of the project for a literal text, and gives the lines that have it, each with its file and number.', SearchArguments, deadline,
      async (args, signal) => await inTurn(async () => await before(signal, async () => await search(project, args, signal))))
  ]
}

/** Permits the use of these tools, and nothing else: a second safeguard besides the list of available tools. */
export function decide (tools: readonly Tool[], request: PermissionRequest): PermissionRequestResult {
  const isOurs = request.kind === 'custom-tool' && tools.some(({ name }) => name === request.toolName)
  return isOurs ? { kind: 'approve-once' } : { kind: 'reject', feedback: 'This is not available here.' }
}

function tool<Schema extends Type.TObject> (
  name: string, description: string, parameters: Schema, deadline: number, use: (args: Static<Schema>, signal: AbortSignal) => Promise<string>
): Tool {
  return {
    name,
    description,
    parameters: Object.fromEntries(Object.entries(parameters)),
    defer: 'never',
    async handler (args, invocation) {
      const timeout = AbortSignal.timeout(deadline)
      try {
        // The SDK does not check them.
        if (!Value.Check(parameters, args)) throw new Refusal(`these arguments do not fit: ${Value.Errors(parameters, args)[0]?.message}`)
        const signal = AbortSignal.any([timeout, invocation.signal].filter(one => one !== undefined))
        return await before(signal, async () => await use(args, signal))
      } catch (error) {
        if (error instanceof Refusal) return refused(error)
        if (timeout.aborted) return refused(new Refusal('it took too long'))
        throw error
      }
    }
  }
}

/** A failure, and not the SDK's `rejected`, which would end the answer without a word. */
function refused ({ message }: Refusal): ToolResultObject {
  return { textResultForLlm: message, resultType: 'failure' }
}

/** What `work` gives, unless the signal aborts first: an operation of the file system cannot be interrupted, and may take for ever. */
async function before<T> (signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  return await new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    work().then(resolve, reject)
  })
}

/** Runs work after all earlier work is over, successful or not. */
function oneAtATime (): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return async work => {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return await turn
  }
}
