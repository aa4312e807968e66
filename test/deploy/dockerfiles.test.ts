import { readFile } from 'node:fs/promises'
import { DockerfileParser, Run } from 'dockerfile-ast'
import { validate } from 'dockerfile-utils'
import { test } from 'tap'

for (const file of ['deploy/Dockerfile', 'deploy/copilot.Dockerfile']) {
  test(`${file} makes an image fit for production`, async t => {
    const text = await readFile(file, 'utf8')
    const dockerfile = DockerfileParser.parse(text)
    const instructions = dockerfile.getInstructions()
    const stages = dockerfile.getFROMs()
    const last = instructions.filter(instruction => instruction.getRange().start.line > (stages.at(-1)?.getRange().start.line ?? 0))
    const of = (keyword: string) => last.filter(instruction => instruction.getKeyword() === keyword).map(instruction => instruction.getArgumentsContent())

    t.strictSame(validate(text), [], 'no complaint of the linter')
    t.ok(stages.length > 1, 'several stages: what compiles is not in the image')
    t.ok(stages.every(stage => /^node:\$\{NODE_VERSION\}-slim$/.test(stage.getImage() ?? '')), 'one version of Node throughout')
    const version = /^ARG NODE_VERSION=(\d+)$/m.exec(text)?.[1]
    t.ok(Number(version) >= 24 && Number(version) % 2 === 0, 'an LTS line of Node')

    t.match(of('USER').at(-1), /^[1-9]\d*:[1-9]\d*$/, 'not root, and by number')
    t.match(of('ENV').join(' '), /\bNODE_ENV=production\b.*\bHOST=0\.0\.0\.0\b/)
    t.match(of('CMD'), [/^\["node", "dist\/[\w/]+\.js"\]$/], 'node itself, so that SIGTERM arrives')
    t.match(of('HEALTHCHECK'), [/CMD \["node", /], 'no curl, which a slim image has not')
    t.notMatch(of('RUN').join('\n'), /npm/, 'no packages but those of a stage that leaves out development')
    t.notMatch(text, /\bADD\b|:latest\b|TOKEN=/)
  })
}

test('the image of the gateway leaves the Copilot SDK out, the image of the Copilot service has it', async t => {
  const installs = async (file: string) => DockerfileParser.parse(await readFile(file, 'utf8')).getInstructions()
    .filter(instruction => instruction instanceof Run)
    .map(instruction => instruction.getArgumentsContent() ?? '')
    .filter(command => command.startsWith('npm ci --omit'))

  t.match(await installs('deploy/Dockerfile'), [/--omit=dev --omit=optional/])
  const [command, ...more] = await installs('deploy/copilot.Dockerfile')
  t.match(command, /--omit=dev/)
  t.notMatch(command, /--omit=optional/)
  t.strictSame(more, [])
})
