import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'

const pages = ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'CONTRIBUTING.md', 'client/README.md', ...readdirSync('docs').filter(name => name.endsWith('.md')).map(name => join('docs', name))]

test('the README fits on a few screens', t => {
  t.ok(read('README.md').split('\n').length <= 150)
  t.end()
})

for (const page of pages) {
  test(`every link of ${page} leads somewhere`, t => {
    for (const [, link = ''] of prose(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue
      const [path = '', anchor] = link.split('#')
      const target = path ? join(dirname(page), path) : page
      t.ok(existsSync(target), `${link} is there`)
      if (anchor !== undefined) t.ok(statSync(target).isFile() && anchors(target).includes(anchor), `${link} has its heading`)
    }
    t.end()
  })
}

function read (page: string): string {
  return readFileSync(page, 'utf8')
}

/** The text of a page without its code. */
function prose (page: string): string {
  return read(page).replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, '')
}

/** The addresses of a page's headings, as GitHub makes them. */
function anchors (page: string): string[] {
  return [...read(page).replace(/^```.*?^```$/gms, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase().replace(/[^\p{L}\p{N}\- _]/gu, '').replaceAll(' ', '-'))
}
