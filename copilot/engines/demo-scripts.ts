/** An answer that the demo engine gives: what it pretends to think, and its text in Markdown. */
export interface Script {
  readonly reasoning: string
  readonly text: string
}

/** The first line of every answer. */
const LABEL = 'This is a demo answer, written by a script and not by GitHub Copilot.'

const BACKPRESSURE = `${LABEL}

## Backpressure in Node streams

A stream has **backpressure** when its reader can slow its writer down. Without it, a fast source fills the memory while a slow destination drains.

1. Every stream holds a buffer, and \`highWaterMark\` says how much it wants to hold (64 KiB for bytes, 16 objects in object mode).
2. \`write()\` returns \`false\` as soon as the buffer is that full. Nothing is refused: it is a request to wait.
3. When the buffer has emptied, the stream emits \`drain\`, and the writer goes on.

Done by hand, it looks like this:

\`\`\`js
import { once } from 'node:events'

async function copy (source, destination) {
  for await (const chunk of source) {
    if (!destination.write(chunk)) await once(destination, 'drain')
  }
  destination.end()
}
\`\`\`

In practice, leave it to \`pipeline()\`, which also closes both ends when one of them fails:

\`\`\`js
import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

await pipeline(createReadStream('access.log'), createGzip(), createWriteStream('access.log.gz'))
\`\`\`

| Sign | Usual cause |
| --- | --- |
| Memory grows with the size of the input | the result of \`write()\` is ignored |
| The copy stops half-way, without an error | nobody waits for \`drain\`, or nobody reads |
| A file stays open after a failure | \`.pipe()\` instead of \`pipeline()\` |

This very answer came to you that way: had you stopped reading, the service would have stopped writing.
`

const DEBOUNCE = `${LABEL}

## A debounce function

It puts a call off until nothing has called for a while: right for search fields, window sizes and saving as one types.

\`\`\`ts
interface Debounced<Args extends unknown[]> {
  (...args: Args): void
  /** Cancels a pending call. */
  cancel (): void
}

export function debounce<Args extends unknown[]> (call: (...args: Args) => void, wait: number): Debounced<Args> {
  let timer: ReturnType<typeof setTimeout> | undefined

  const debounced = (...args: Args) => {
    clearTimeout(timer)
    timer = setTimeout(() => call(...args), wait)
  }
  debounced.cancel = () => clearTimeout(timer)
  return debounced
}
\`\`\`

Its arguments keep their types:

\`\`\`ts
const search = debounce((text: string) => console.log('searching for', text), 300)

search('s')
search('str')
search('stream') // only this one is made, 300 ms later
\`\`\`

- The **last** call wins, with its own arguments.
- \`cancel()\` belongs into the clean-up of a component, so that nothing runs after it is gone.
- To make the *first* call at once and swallow the rest, use a throttle instead.

| | Debounce | Throttle |
| --- | --- | --- |
| Calls while events keep coming | none | one per interval |
| Good for | typing, resizing | scrolling, progress |
`

const COMPARISON = `${LABEL}

## REST and GraphQL

| | REST | GraphQL |
| --- | --- | --- |
| Unit | a resource with its URL | a field in a typed schema |
| Shape of the reply | chosen by the server | chosen by the client, query by query |
| Round trips for nested data | often several | one |
| Caching | by HTTP: URL, \`ETag\`, \`Cache-Control\` | in the client, by type and id |
| Errors | status codes | \`200\` with an \`errors\` list |
| Versions | \`/v2\`, or new media types | fields are added, old ones deprecated |
| Cost of a request | known from the route | has to be limited by depth or price |

The same question, asked in both:

\`\`\`http
GET /users/42?fields=name
GET /users/42/posts?limit=2
\`\`\`

\`\`\`graphql
query {
  user(id: 42) {
    name
    posts(limit: 2) { title }
  }
}
\`\`\`

### Which one?

1. **Public and cacheable** data, files, simple resources: REST.
2. **Many screens over connected data**, with teams that move at different speeds: GraphQL.
3. **Answers that stream**, such as this one: plain HTTP with server-sent events, beside either.
`

/** The questions with a scripted answer of their own; a page can offer them as examples. */
export const EXAMPLES: ReadonlyMap<string, Script> = new Map([
  ['Explain backpressure in Node streams', {
    reasoning: 'The question is about a mechanism, so the mechanism comes first: buffer, full, drain. Then the loop by hand, then what one should really use. ' +
      'A table of symptoms will help somebody who came here with a leak.',
    text: BACKPRESSURE
  }],
  ['Write a debounce function in TypeScript', {
    reasoning: 'The arguments should keep their types, so the function is generic over the tuple of its arguments. It needs a way to cancel, or components leak timers. ' +
      'The difference to throttling is worth three lines.',
    text: DEBOUNCE
  }],
  ['Compare REST and GraphQL in a table', {
    reasoning: 'A table was asked for, so it comes first. One example in both languages shows more than a paragraph. The end should be advice and not taste.',
    text: COMPARISON
  }]
])

/** The answer to any other question: it quotes the question and lists what can be tried. */
export function tour (question: string, mode: string): Script {
  return {
    reasoning: 'No script answers this question. A short tour of what can be tried here is more use than an excuse.',
    text: `${LABEL}

You asked, in ${mode} mode: “${question}” A script has no answer to that, but there is something to try while these words arrive:

- **Stop**: press Stop, and the service stops writing in the same moment.
- **Reload** the page: the answer goes on where it was.
- **Unplug** the network for a few seconds: the page reconnects, and not a word is lost or doubled.
- **A second tab** with this page follows the same conversation.

Failures can be seen, too: begin a question with \`demo:length\` (the model runs out of room), \`demo:error\` (it fails half-way) or \`demo:slow\` (silence for 20 seconds before the first word).

To talk to GitHub Copilot, set \`COPILOT_GITHUB_TOKEN\`; for any OpenAI-compatible model, set \`COPILOT_PROVIDER_BASE_URL\` and \`COPILOT_MODEL\`; then start again.
`
  }
}
