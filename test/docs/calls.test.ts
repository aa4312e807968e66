import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import tap, { test } from 'tap'
import { build } from '../helper.ts'
import { plain } from '../plain.ts'
import { program } from '../programs.ts'
import { codeBlocks } from './tables.ts'

// The demo engine writes at a model's pace.
tap.setTimeout(180_000)

/** What each example prints, by its beginning: nobody reads on where an example has gone wrong. */
const PRINTS: ReadonlyArray<readonly [example: RegExp, output: RegExp]> = [
  [/demo:length/, /exit code 18$/],
  [/last-event-id/, /^event: start\r?$[^]*^event: done\r?$/m],
  [/text\/event-stream/, /^event: start\r?$[^]*"sha256"/m],
  [/v1\/chat\/completions/, /"finish_reason":"stop"/],
  [/api\/models/, /"models"[^]*"ok":true[^]*# HELP gateway_/],
  [/api\/nothing/, /^HTTP\/1\.1 404[^]*X-Error-Type: not_found[^]*"errorType":"not_found"[^]*"issues":\[{"path":"prompt","message":"must NOT have fewer than 1 characters"}\]/i],
  [/api\/chat/, /written by a script|scripted/i]
]

test('every call of README.md and docs/calls.md does what it says, as it stands', async t => {
  if (!program(t, 'curl', 'curl')) return
  const { url } = await build(t, { COPILOT_SERVICE_URL: '', COPILOT_ENGINE: 'demo' })
  const examples = [...await codeBlocks('README.md', 'sh'), ...await codeBlocks('docs/calls.md', 'sh')].filter(example => example.startsWith('curl'))
  t.ok(examples.length > 8)
  const directory = t.testdir(Object.fromEntries(examples.map((_example, number) => [number, {}])))
  await Promise.all(examples.map(async (example, number) => {
    const script = example.replaceAll('localhost:3000', new URL(url).host)
    const { stdout } = await promisify(execFile)(...plain('bash', '-c', script), { cwd: `${directory}/${number}` })
    const expected = PRINTS.find(([pattern]) => pattern.test(example))?.[1] ?? /no example/
    t.match(stdout.trim(), expected, example)
  }))
})
