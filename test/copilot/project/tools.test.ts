import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, realpathSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { openInside, placeOf } from '../../../copilot/project/confine.ts'
import { list } from '../../../copilot/project/list.ts'
import { read } from '../../../copilot/project/read.ts'
import { search } from '../../../copilot/project/search.ts'
import { projectTools } from '../../../copilot/project/tools.ts'
import { isWithheld } from '../../../copilot/project/withheld.ts'

const SECRET = 'Swordfish'
const signal = new AbortController().signal

/** A project with everything in it that should not get out, and a neighbour that is none of the model's business. */
function project (t: Test) {
  const link = (target: string) => t.fixture('symlink', target)
  const base = realpathSync(t.testdir({
    'outside.txt': SECRET,
    outside: { 'file.txt': SECRET },
    project: {
      'readme.md': 'Hello\nthere\n',
      empty: '',
      src: { 'a.ts': 'const a = 1\n', deep: { 'b.ts': 'const b = "Hello"\n' } },
      '.env': SECRET,
      '.env.local': SECRET,
      '.git': { config: SECRET },
      '.ENV.Production': SECRET,
      'server.PEM': SECRET,
      id_rsa: SECRET,
      '.npmrc': SECRET,
      secrets: { 'a.txt': SECRET },
      node_modules: { 'x.js': 'Hello' },
      within: link('readme.md'),
      'src-too': link('src'),
      out: link('../outside.txt'),
      'out-dir': link('../outside'),
      absolute: link('/etc/passwd'),
      chain: link('out'),
      loop: link('loop'),
      dangling: link('../nothing'),
      harmless: link('.env'),
      repository: link('.git'),
      binary: Buffer.from('Hello\0there'),
      'latin1.txt': Buffer.from('Hall\xf6', 'latin1'),
      huge: ''
    }
  }))
  const root = join(base, 'project')
  truncateSync(join(root, 'huge'), 1_048_577)
  execFileSync('mkfifo', [join(root, 'fifo')])
  return { root, base }
}

/** What a tool tells the model, and whether as a failure. */
async function use (root: string, name: string, args: unknown, options: { deadline?: number, left?: AbortSignal } = {}): Promise<{ text: string, failed: boolean }> {
  const tool = projectTools({ root }, options.deadline).find(one => one.name === `project_${name}`)
  const result: unknown = await tool?.handler?.(args, { sessionId: 's', toolCallId: 'c', toolName: name, arguments: args, signal: options.left })
  if (typeof result === 'string') return { text: result, failed: false }
  const { textResultForLlm, resultType } = Object(result)
  return { text: textResultForLlm, failed: resultType === 'failure' }
}

test('whatever is not a file of the project is refused, whichever way it is named', async t => {
  const { root } = project(t)
  const attacks = {
    'relative to the project': [
      '..', '../outside.txt', 'src/../../outside.txt', 'src/../readme.md', './../outside.txt', 'src//..//..//outside.txt', '..\\outside.txt', 'src\\..\\..\\outside.txt',
      '/', '/etc/passwd', '//etc/passwd', `${root}/readme.md`, 'C:\\Windows\\win.ini', 'C:/Windows/win.ini', '\\\\server\\share\\file', '\\etc\\passwd'
    ],
    'nothing of this name': [
      'none', 'file:///etc/hosts', '%2e%2e/outside.txt', '..%2foutside.txt', '\uff0e\uff0e/outside.txt', '\u2025/outside.txt', '.\u200b./outside.txt', '..\u200b/outside.txt',
      '~/.bashrc', '$HOME', '`id`', 'readme.md/', 'readme.md/x', 'loop', 'dangling', 'x'.repeat(1_000), 're\u0430dme.md', 'README.MD', 'readme.md ', '\u{1f980}', '\ud800'
    ],
    'outside of the project': ['out', 'chain', 'absolute', 'out-dir', 'out-dir/file.txt'],
    withheld: [
      '.env', './.env', '.env.local', '.ENV', '.eNv.LoCaL', '.ENV.Production', '\uff0eenv', '.env.', '.env ', '.env:$DATA', '.en\u200bv', '.env/x', '.git', '.git/config', '.GIT/config',
      '.git./config', '.g\u200cit/config', '.git::$INDEX_ALLOCATION/config', '.git\\config', 'server.PEM', 'id_rsa', '.npmrc', 'secrets/a.txt', 'harmless', 'repository/config', 'repository'
    ],
    'not fit': ['readme.md\0', '\0', 'x'.repeat(1_001), 7, null, undefined, ['readme.md'], {}],
    'a directory, not a file': ['.', '', 'src', 'src-too'],
    'not a regular file': ['fifo'],
    'not UTF-8 text': ['binary', 'latin1.txt'],
    'too large (1048577 bytes; at most 1048576)': ['huge']
  }
  for (const [reason, paths] of Object.entries(attacks)) {
    for (const path of paths) {
      const told = await use(root, 'read', { path })
      t.match(told, { failed: true, text: /^Refused: / }, JSON.stringify(path))
      t.ok(told.text.includes(reason), `${JSON.stringify(path)}: ${told.text}`)
      t.notMatch(told.text, root, 'and nothing is told of this machine')
    }
  }
  for (const path of ['..', '/', 'out-dir', '.git', 'repository', 'secrets', 'readme.md', 'fifo', 'none', 7]) {
    for (const [tool, args] of [['list', { path }], ['search', { path, text: SECRET }]] as const) t.match(await use(root, tool, args), { failed: true, text: /^Refused: / }, `${tool} ${path}`)
  }
  const short = await mkdtemp(join(tmpdir(), 'project-'))
  const socket = createServer().listen(join(short, 'socket'))
  await once(socket, 'listening')
  t.match(await use(realpathSync(short), 'read', { path: 'socket' }), { failed: true, text: /not a regular file/ })
  socket.close()
  await rm(short, { recursive: true })
  t.match(await use('/dev', 'read', { path: 'zero' }), { failed: true, text: /not a regular file/ }, 'a device')
  t.same(await use(realpathSync('/proc/self'), 'read', { path: 'environ' }), { failed: false, text: '' }, 'a file that is larger than it says')
  t.match(await use('/sys/devices/system/cpu', 'read', { path: 'online' }), { failed: false, text: /^0.*\n$/ }, 'and one that is smaller')
})

test('the project is read as it is', async t => {
  const { root } = project(t)
  t.same(await use(root, 'read', { path: 'readme.md' }), { failed: false, text: 'Hello\nthere\n' })
  for (const path of ['./readme.md', './/./readme.md', 'within']) t.equal((await use(root, 'read', { path })).text, 'Hello\nthere\n', path)
  t.equal((await use(root, 'read', { path: 'src-too/a.ts' })).text, 'const a = 1\n')
  t.equal((await use(root, 'read', { path: 'empty' })).text, '')
  t.equal((await use(root, 'read', { path: 'readme.md', from: 2 })).text, '(lines 2 to 3 of 3)\nthere\n')
  t.match(await use(root, 'read', { path: 'readme.md', from: 4 }), { failed: true, text: 'Refused: the file has 3 lines' })
  t.match(await use(root, 'read', { path: 'readme.md', from: 0 }), { failed: true, text: /^Refused: these arguments do not fit: / })

  writeFileSync(join(root, 'long'), Array.from({ length: 5_000 }, (_, i) => `line ${i + 1}`).join('\n'))
  const first = (await use(root, 'read', { path: 'long' })).text
  t.match(first, /^\(lines 1 to (\d+) of 5000; go on with from: \d+\)\nline 1\n/)
  t.ok(first.length < 20_100)
  const next = Number(/from: (\d+)/.exec(first)?.[1])
  t.match((await use(root, 'read', { path: 'long', from: next })).text, `\nline ${next}\n`)
  writeFileSync(join(root, 'one-line'), '\u{1f980}'.repeat(20_000))
  const line = (await use(root, 'read', { path: 'one-line' })).text
  t.ok(line.isWellFormed() && line.length === 20_000, 'a line that is longer than all that may be told is cut, and between characters')
})

test('a list has what may be shown, in order, and an end', async t => {
  const { root } = project(t)
  t.same((await use(root, 'list', {})).text.split('\n'), [
    'absolute@', 'binary', 'chain@', 'dangling@', 'empty', 'fifo', 'harmless@', 'huge', 'latin1.txt', 'loop@', 'node_modules/', 'out@', 'out-dir@', 'readme.md', 'repository@', 'src/', 'src-too@', 'within@'
  ])
  t.same(await use(root, 'list', { path: 'src-too/' }), { failed: false, text: 'a.ts\ndeep/' })
  mkdirSync(join(root, 'hidden'))
  writeFileSync(join(root, 'hidden', '.env'), SECRET)
  t.equal((await use(root, 'list', { path: 'hidden' })).text, '(nothing that may be shown)')
  mkdirSync(join(root, 'tricks'))
  writeFileSync(join(root, 'tricks', 'a\n.env\n\x1b[2J'), '')
  t.equal((await use(root, 'list', { path: 'tricks' })).text, 'a?.env??[2J')

  mkdirSync(join(root, 'many'))
  for (let i = 0; i < 1_100; i++) writeFileSync(join(root, 'many', `${i}`), '')
  t.match((await use(root, 'list', { path: 'many' })).text, /^(\d+\n){1000}\(there are more entries; these are 1000 of them\)$/)
  mkdirSync(join(root, 'long-names'))
  for (let i = 0; i < 200; i++) writeFileSync(join(root, 'long-names', `${i}`.padEnd(200, 'x')), '')
  const { text } = await use(root, 'list', { path: 'long-names' })
  t.match(text, /these are 99 of them\)$/)
  t.ok(text.length < 20_100)
})

test('a search finds the text itself, and nothing that is withheld', async t => {
  const { root } = project(t)
  t.same((await use(root, 'search', { text: 'hello' })).text.split('\n'), ['readme.md:1: Hello', 'src/deep/b.ts:1: const b = "Hello"'])
  t.equal((await use(root, 'search', { text: 'HELLO', path: 'src' })).text, 'src/deep/b.ts:1: const b = "Hello"')
  t.equal((await use(root, 'search', { text: 'Hello', path: 'node_modules' })).text, 'node_modules/x.js:1: Hello', 'there only when it is asked for')
  t.equal((await use(root, 'search', { text: SECRET })).text, '(nothing found)')
  writeFileSync(join(root, 'patterns'), `.*\n(a+)+$ and [x]\n${'a'.repeat(1_000_000)}\n`)
  t.equal((await use(root, 'search', { text: '.*' })).text, 'patterns:1: .*')
  t.equal((await use(root, 'search', { text: '(A+)+$' })).text, 'patterns:2: (a+)+$ and [x]')
  t.equal((await use(root, 'search', { text: `${'a'.repeat(199)}!` })).text, '(nothing found)')
  t.match((await use(root, 'search', { text: `${'a'.repeat(199)}` })).text, /^patterns:3: a{240}$/)
  for (const text of ['', 'x'.repeat(201), 'two\nlines', 7]) t.match(await use(root, 'search', { text }), { failed: true, text: /^Refused: these arguments do not fit/ })
})

test('a search ends at each of its bounds, and says so', async t => {
  const { root } = project(t)
  mkdirSync(join(root, 'many'))
  for (let i = 0; i < 120; i++) writeFileSync(join(root, 'many', `f${String(i).padStart(3, '0')}`), 'needle\n'.repeat(2))
  const bounds = { entries: 1_000, bytes: 1_000_000, matches: 1_000, ms: 600_000 }
  const found = async (less: object) => {
    const lines = (await search({ root }, { text: 'needle', path: 'many' }, signal, { ...bounds, ...less })).split('\n')
    const last = lines.pop() ?? ''
    return { count: lines.filter(Boolean).length, stopped: last.startsWith('(the search stopped here') }
  }
  t.match(await found({ entries: 10 }), { count: 20, stopped: true })
  t.match(await found({ entries: 0 }), { count: 0, stopped: true })
  t.match(await found({ matches: 5 }), { count: 5, stopped: true })
  t.match(await found({ bytes: 14 * 3 }), { count: 5, stopped: true })
  t.match(await found({ ms: 0 }), { count: 0, stopped: true })
  t.match(await found({}), { count: 239, stopped: false })
  t.match((await use(root, 'search', { text: 'needle' })).text, /^(many\/f\d+:[12]: needle\n){100}\(the search stopped here/)
  for (let i = 0; i < 120; i++) writeFileSync(join(root, 'many', `f${String(i).padStart(3, '0')}`), 'needle '.repeat(100))
  t.match((await found({})), { count: 78, stopped: true }, 'nor does it tell more than the model can take')
})

test('a link that is put in the place of a directory meanwhile leads nowhere', async t => {
  const { root } = project(t)
  mkdirSync(join(root, 'real'))
  writeFileSync(join(root, 'real', 'file.txt'), 'inside')
  symlinkSync('../outside', join(root, 'link'))
  const enough = new AbortController()
  const swapping = (async () => {
    while (!enough.signal.aborted) {
      for (const name of ['real', 'link']) {
        renameSync(join(root, name), join(root, 'd'))
        await new Promise(resolve => setImmediate(resolve))
        renameSync(join(root, 'd'), join(root, name))
      }
    }
  })()
  const told = new Set<string>()
  for (let i = 0; i < 400; i++) {
    told.add((await use(root, 'read', { path: 'd/file.txt' })).text)
    told.add((await use(root, 'search', { path: 'd', text: SECRET })).text)
    told.add((await use(root, 'list', { path: 'd' })).text)
  }
  enough.abort()
  await swapping
  t.same([...told].filter(text => !/^Refused: |^inside$|^file\.txt$|^\(nothing/.test(text)), [])
})

test('an open file is where it was looked for, as the system says or, where it does not, as far as can be seen', async t => {
  const { root } = project(t)
  const handle = await open(join(root, 'readme.md'))
  t.teardown(() => handle.close())
  for (const descriptors of ['/proc/self/fd', '/no/such']) {
    t.ok(await placeOf(handle, join(root, 'readme.md'), descriptors))
    for (const other of ['empty', 'within', 'none']) await t.rejects(placeOf(handle, join(root, other), descriptors), `${other} by ${descriptors}`)
    t.equal(await read({ root, descriptors }, { path: 'within' }, signal), 'Hello\nthere\n')
    t.equal(await list({ root, descriptors }, { path: 'src' }), 'a.ts\ndeep/')
  }
  const elsewhere = t.testdir({})
  for (let i = 0; i < 500; i++) symlinkSync('/etc/passwd', join(elsewhere, `${i}`))
  await t.rejects(openInside({ root, descriptors: elsewhere }, 'readme.md', 'file'), { message: /^Refused: there is nothing of this name/ })
})

test('what takes too long is refused, and what nobody waits for is not done', async t => {
  const { root } = project(t)
  for (const [tool, args] of [['read', { path: 'readme.md' }], ['list', {}], ['search', { text: 'Hello' }]] as const) {
    const using = use(root, tool, args, { deadline: 1 })
    // The deadline has passed before the first operation of the file system can be heard of.
    const until = performance.now() + 20
    while (performance.now() < until);
    t.same(await using, { failed: true, text: 'Refused: it took too long' }, tool)
    await t.rejects(use(root, tool, args, { left: AbortSignal.abort() }), { name: 'AbortError' })
  }
  await t.rejects(search({ root }, { text: 'Hello' }, AbortSignal.abort()), { name: 'AbortError' })
})

test('names that usually hold secrets are withheld, and others are not', async t => {
  const withheld = [
    '.env', '.envrc', '.env.example', 'prod.env', '.Env', '.env~', '.env.bak', '.git', '.hg', '.svn', '.ssh', '.aws', '.kube', '.docker', '.npmrc', '.yarnrc.yml', '.netrc', '_netrc', '.pgpass', '.htpasswd',
    '.git-credentials', '.bash_history', '.node_repl_history', 'id_rsa', 'id_ed25519.pub', '.id_rsa.swp', '#id_rsa#', 'tls.key', 'tls.KEY.old', 'cert.pem', 'store.p12', 'a.pfx', 'a.jks', 'terraform.tfstate.backup', 'prod.tfvars',
    'credentials', 'credentials.json', 'aws-credentials.csv', 'secrets', 'secrets.yaml', 'app.secrets.json', 'secret.txt', 'passwords.txt', 'kubeconfig', 'service-account.json', 'client_secret_123.json', 'copilot-service-AbC'
  ]
  const shown = [
    '.', '..', '...', '', 'a', 'src', '.github', '.gitignore', '.gitattributes', 'environment.ts', 'env.ts', 'dotenv.md', '.dockerignore', 'Dockerfile', 'keys.ts', 'monkey', 'key', 'secrets.ts', 'credentials.test.ts', 'password-reset.tsx',
    'secretary.txt', 'id.txt', 'package.json', '.eslintrc', 'passwordless.md', 'pem.ts', 'tokens.css'
  ]
  t.same(withheld.filter(name => !isWithheld(name)), [])
  t.same(shown.filter(name => isWithheld(name)), [])
})
