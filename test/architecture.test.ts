import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

interface Import { readonly from: string, readonly typeOnly: boolean }

/** The TypeScript files of a room, by their path from the top. */
async function filesOf (room: string): Promise<string[]> {
  const files = await readdir(join(ROOT, room), { recursive: true })
  const found = files.map(file => join(room, file)).filter(file => file.endsWith('.ts') && !/(^|\/)(dist|node_modules)\//.test(file))
  if (found.length === 0) throw new Error(`nothing in ${room}`)
  return found
}

/** What a file imports: files by their path from the top, packages by their name. */
async function importsOf (file: string): Promise<Import[]> {
  const text = await readFile(join(ROOT, file), 'utf8')
  const statements = text.matchAll(/^(?:import|export)\s(type\s)?([\w$*{},\s]+?)\sfrom\s'([^']+)'/gm)
  const whole = text.matchAll(/^import\s'([^']+)'|\bimport\('([^']+)'\)/gm)
  const resolve = (name: string) => name.startsWith('.') ? normalize(join(dirname(file), name)) : name
  return [
    ...Array.from(statements, ([, type, names = '', name = '']) => ({ from: resolve(name), typeOnly: Boolean(type) || namesTypesAlone(names) })),
    ...Array.from(whole, ([, name, late = '']) => ({ from: resolve(name ?? late), typeOnly: false }))
  ]
}

function namesTypesAlone (names: string): boolean {
  const inner = /^\{(.*)\}$/s.exec(names.trim())?.[1]?.split(',').map(name => name.trim()).filter(Boolean)
  return inner !== undefined && inner.length > 0 && inner.every(name => name.startsWith('type '))
}

const isFile = ({ from }: Import): boolean => from.includes('/') && from.endsWith('.ts')
const within = (...rooms: string[]) => ({ from }: Import): boolean => rooms.some(room => from.startsWith(`${room}/`))

/** What the files of a room import and may not; the names of the exceptions say of whom. */
async function wrong (room: string, allowed: (imported: Import, file: string) => boolean): Promise<string[]> {
  const found: string[] = []
  for (const file of await filesOf(room)) {
    for (const imported of await importsOf(file)) if (!allowed(imported, file)) found.push(`${file} imports ${imported.from}`)
  }
  return found
}

test('lib knows nothing above it, and no Fastify', async t => {
  const isFastify = ({ from }: Import) => /^(@fastify\/|fastify\b)/.test(from)
  // What the instance itself is made with is there for whoever makes one.
  t.strictSame(await wrong('lib', (imported, file) => isFile(imported) ? within('lib')(imported) : !isFastify(imported) || file === 'lib/server-options.ts'), [])
})

test('how services are asked, how answers are kept, and how readers are told know an answer, and nothing of each other', async t => {
  const rooms = ['lib/copilot', 'lib/streams', 'lib/protocols']
  for (const room of rooms) t.strictSame(await wrong(room, imported => !within(...rooms.filter(other => other !== room))(imported)), [])
  t.strictSame(await wrong('lib/answer', imported => !within(...rooms)(imported)), [])
})

test('what connections do is known where services are asked', async t => {
  const knowing: string[] = []
  for (const room of ['lib', 'plugins', 'routes', 'copilot']) {
    for (const file of await filesOf(room)) {
      const text = await readFile(join(ROOT, file), 'utf8')
      if (/\bfromTransport\b|'undici(\/|')/.test(text)) knowing.push(file)
    }
  }
  // An answer's stream fails with errors of the contract alone; the companion asks models by connections of its own.
  t.strictSame(knowing.filter(file => !file.startsWith('lib/copilot/') && !file.startsWith('copilot/')), [])
})

test('plugins know lib, and of each other types alone', async t => {
  t.strictSame(await wrong('plugins', (imported, file) => !isFile(imported) || within('lib')(imported) ||
    (within('plugins')(imported) && imported.typeOnly) || (file === 'plugins/companion.ts' && within('copilot')(imported))), [])
})

test('routes know lib and each other', async t => {
  t.strictSame(await wrong('routes', imported => !isFile(imported) || within('lib', 'routes')(imported)), [])
})

test('the companion knows lib and itself', async t => {
  t.strictSame(await wrong('copilot', imported => !isFile(imported) || within('lib', 'copilot')(imported)), [])
})

test('the client knows itself alone', async t => {
  t.strictSame(await wrong('client', imported => within('client')(imported)), [])
})

test('the page knows the client and itself', async t => {
  t.strictSame(await wrong('public', imported => !isFile(imported) || within('client', 'public')(imported)), [])
})

test('the environment of the process is read where settings are', async t => {
  const readers: string[] = []
  for (const room of ['lib', 'plugins', 'routes', 'copilot', 'client']) {
    for (const file of await filesOf(room)) {
      const code = (await readFile(join(ROOT, file), 'utf8')).replace(/\/\*[^]*?\*\/|\/\/.*/g, '')
      if (/\bprocess\.env\b|\{ env \} = process/.test(code)) readers.push(file)
    }
  }
  // The SDK of OpenTelemetry reads it by itself, and is shown the settings for as long as it does.
  t.strictSame(readers.sort(), ['copilot/server.ts', 'plugins/config.ts', 'plugins/tracing.ts'])
})

test('the story of a reply is written by its owners alone', async t => {
  const owners = [
    // Who follows it, who answers, and who may end it before its time.
    'plugins/exchange.ts', 'plugins/delivery.ts', 'plugins/errors.ts', 'plugins/resume.ts', 'plugins/client-errors.ts', 'plugins/drain.ts', 'plugins/stall.ts'
  ]
  const writers: string[] = []
  for (const room of ['plugins', 'routes', 'lib', 'copilot']) {
    for (const file of await filesOf(room)) {
      const text = await readFile(join(ROOT, file), 'utf8')
      if (/\b(exchange|story)\??\.(began|fail|refuse|cut|disconnect|abort|settle|setProtocol|startStory|limit|markReplayed)\(|\bexchange\??\.\w+ = /.test(text)) writers.push(file)
    }
  }
  t.strictSame(writers.filter(file => !owners.includes(file) && !file.startsWith('lib/protocols/') && !file.startsWith('lib/answer/')), [])
  t.strictSame(owners.filter(file => !writers.includes(file)), [], 'and each of them does')
})

test('nothing that a timer or an event calls is async: its rejection would be nobody’s, and end the process', async t => {
  const calls: string[] = []
  for (const room of ['lib', 'plugins', 'routes', 'copilot']) {
    for (const file of await filesOf(room)) {
      const text = await readFile(join(ROOT, file), 'utf8')
      for (const [call] of text.matchAll(/(?:\.(?:on|once|addListener|prependListener|addEventListener)\([^()\n]*,|\bset(?:Timeout|Interval|Immediate)\(|\bqueueMicrotask\(|\bnextTick\()\s*async\b/g)) calls.push(`${file}: ${call}`)
    }
  }
  t.strictSame(calls, [])
})
