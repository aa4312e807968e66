/*! With highlight.js, copyright 2006 Ivan Sagalaev, BSD 3-Clause License, https://highlightjs.org, and lowlight, copyright 2016 Titus Wormer, MIT License, https://github.com/wooorm/lowlight */
import bash from 'highlight.js/lib/languages/bash'
import cpp from 'highlight.js/lib/languages/cpp'
import csharp from 'highlight.js/lib/languages/csharp'
import css from 'highlight.js/lib/languages/css'
import diff from 'highlight.js/lib/languages/diff'
import dockerfile from 'highlight.js/lib/languages/dockerfile'
import go from 'highlight.js/lib/languages/go'
import ini from 'highlight.js/lib/languages/ini'
import java from 'highlight.js/lib/languages/java'
import javascript from 'highlight.js/lib/languages/javascript'
import json from 'highlight.js/lib/languages/json'
import python from 'highlight.js/lib/languages/python'
import rust from 'highlight.js/lib/languages/rust'
import sql from 'highlight.js/lib/languages/sql'
import typescript from 'highlight.js/lib/languages/typescript'
import xml from 'highlight.js/lib/languages/xml'
import yaml from 'highlight.js/lib/languages/yaml'
import { createLowlight } from 'lowlight'
import { make } from './dom.ts'

const highlighter = createLowlight({ bash, cpp, csharp, css, diff, dockerfile, go, ini, java, javascript, json, python, rust, sql, typescript, xml, yaml })
highlighter.registerAlias({ javascript: ['node'], bash: ['console', 'shell', 'powershell'], typescript: ['tsx', 'mts', 'cts'], xml: ['vue', 'svelte'] })

/** The longest code that is highlighted, in characters, because highlighting takes time. */
const MAX_CHARACTERS = 10_000

type Nodes = ReturnType<typeof highlighter.highlight>['children']

/** The nodes of code: spans with classes where the language is known, else its text. */
export function highlight (code: string, language: string): Array<Node | string> {
  if (code.length > MAX_CHARACTERS || !highlighter.registered(language)) return [code]
  return nodesOf(highlighter.highlight(language, code).children)
}

function nodesOf (nodes: Nodes): Array<Node | string> {
  return nodes.map(node => {
    if (node.type === 'text') return node.value
    if (node.type !== 'element') return ''
    const { className } = node.properties
    return make('span', Array.isArray(className) ? className.join(' ') : '', ...nodesOf(node.children as Nodes))
  })
}
