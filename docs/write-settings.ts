import { readFileSync, writeFileSync } from 'node:fs'
import { environmentExample, settingsPage } from './settings.ts'

// Run by `npm run settings`, after a change of a schema of settings.
const page = new URL('settings.md', import.meta.url)
writeFileSync(page, settingsPage(readFileSync(page, 'utf8')))
writeFileSync(new URL('../.env.example', import.meta.url), environmentExample())
