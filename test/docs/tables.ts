import { readFile } from 'node:fs/promises'

/** The rows of every Markdown table of a file whose first heading is `head`: their cells, code marks taken off. */
export async function tableRows (file: string, head: string): Promise<string[][]> {
  const lines = (await readFile(file, 'utf8')).split('\n')
  const rows: string[][] = []
  let inside = false
  for (const line of lines) {
    const cells = line.startsWith('|') ? line.split('|').slice(1, -1).map(cell => cell.trim().replace(/^`([^`]*)`$/, '$1')) : undefined
    if (!cells) inside = false
    else if (cells[0] === head) inside = true
    else if (inside && !/^-+$/.test(cells[0] ?? '')) rows.push(cells)
  }
  return rows
}

/** The code blocks of a file that are marked with a language, in order. */
export async function codeBlocks (file: string, language: string): Promise<string[]> {
  const text = await readFile(file, 'utf8')
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(match => match[1] === language).map(match => match[2] ?? '')
}
