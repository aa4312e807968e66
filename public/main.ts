import { createChatClient } from '../client/index.ts'
import { announce } from './announcer.ts'
import { Choices } from './choices.ts'
import { Composer } from './composer.ts'
import { Conversation } from './conversation.ts'
import { Credentials } from './credentials.ts'
import { Details } from './details.ts'
import { button, byId, make } from './dom.ts'
import { Library } from './library.ts'
import { Rail } from './rail.ts'
import { Scrolling } from './scrolling.ts'
import { shortcuts } from './shortcuts.ts'
import { browserStorage } from './storage.ts'
import { fromJson, save, toJson, toMarkdown } from './transfer.ts'

// The gateway serves this page, possibly under a path prefix of a proxy.
const client = createChatClient({ baseUrl: location.pathname, headers: () => credentials.headers })

const credentials = new Credentials(() => {
  void offerModels()
  conversation.retryWithKey()
})
const library = new Library(browserStorage(), (chat, turn) => {
  conversation.changed(chat, turn)
  if (turn !== undefined) return
  rail.draw()
  entitle()
  if (chat === conversation.chat && !library.chat(chat) && location.hash.startsWith('#/c/')) location.hash = '#/new'
})
const choices = new Choices()
const composer = new Composer({
  onAsk: (prompt, instead) => conversation.ask(prompt, instead),
  onStop: () => conversation.stop(),
  onEditLast: () => {
    const last = conversation.turns.at(-1)
    if (last) composer.edit(last)
  }
})
const conversation = new Conversation({
  client,
  library,
  details: new Details(),
  scrolling: new Scrolling(),
  choice: () => choices.current,
  onBusy: (busy, ended) => {
    composer.setBusy(busy)
    if (!busy && ended) composer.next(ended.state === 'done')
  },
  onAsked: chat => {
    if (location.hash !== `#/c/${chat}`) history.pushState(null, '', `#/c/${chat}`)
    rail.draw()
    entitle()
  },
  onEdit: turn => composer.edit(turn),
  onKeyWanted: why => credentials.ask(why)
})
const rail = new Rail({
  library,
  current: () => conversation.chat,
  onRename: entitle,
  onDelete: chat => {
    conversation.stopAll(chat)
    if (chat === conversation.chat) location.hash = '#/new'
  }
})

async function offerModels (): Promise<void> {
  try {
    const models = await client.models()
    choices.offer(models)
    conversation.offer(models)
  } catch {
    // Without a list of models the service chooses one. The error itself is shown when a question is asked.
  }
}

/** Shows the conversation that the URL names, or a new one; without a name in the URL, the latest. */
function route (): void {
  const wanted = /^#\/c\/([\w-]+)$/.exec(location.hash)?.[1] ?? (location.hash === '' ? library.chats[0]?.id : undefined)
  const chat = wanted === undefined ? undefined : library.chat(wanted)
  if (chat) history.replaceState(null, '', `#/c/${chat.id}`)
  composer.leave()
  conversation.open(chat?.id)
  rail.draw()
  entitle()
}

/** Sets the title of the tab, which the browser's history shows as well, to that of the conversation. */
function entitle (): void {
  const chat = library.chat(conversation.chat)
  document.title = chat ? `${chat.title} – Copilot Stream Gateway` : 'Copilot Stream Gateway'
}

function newChat (): void {
  if (location.hash !== '#/new') history.pushState(null, '', '#/new')
  route()
  composer.focus()
  announce('A new chat')
}

for (const example of ['Explain backpressure in Node streams', 'Write a debounce function in TypeScript', 'Compare REST and GraphQL in a table']) {
  byId('examples', HTMLElement).append(make('li', '', button(example, () => conversation.ask(example), 'example')))
}
byId('new-chat', HTMLButtonElement).addEventListener('click', newChat)
addEventListener('hashchange', route)
// `hashchange` is not enough: it does not fire for history entries with the same URL.
addEventListener('popstate', () => { if (!location.hash.endsWith(conversation.chat)) route() })

const exporting = byId('exporting', HTMLDialogElement)
byId('export-chat', HTMLButtonElement).addEventListener('click', () => {
  if (library.chat(conversation.chat)) exporting.showModal()
  else say('Nothing was asked here yet, so there is nothing to save.')
})
exporting.addEventListener('close', () => {
  const chat = library.chat(conversation.chat)
  if (!chat) return
  const name = chat.title.replace(/[^\p{L}\p{N}]+/gu, '-').slice(0, 60) || 'conversation'
  if (exporting.returnValue === 'markdown') save(toMarkdown(chat, library.turns(chat.id)), `${name}.md`, 'text/markdown')
  if (exporting.returnValue === 'json') save(toJson(chat, library.turns(chat.id)), `${name}.json`, 'application/json')
  exporting.returnValue = ''
})
const file = byId('import-file', HTMLInputElement)
byId('import-chat', HTMLButtonElement).addEventListener('click', () => file.click())
file.addEventListener('change', () => { void importFile() })

async function importFile (): Promise<void> {
  const text = await file.files?.[0]?.text()
  file.value = ''
  if (text === undefined) return
  try {
    const { chat, turns } = fromJson(text)
    library.saveChat(chat)
    for (const turn of turns) library.saveTurn(turn)
    location.hash = `#/c/${chat.id}`
    announce('Imported')
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
  }
}

/** Shows a sentence below the list of conversations until it is closed. */
function say (sentence: string): void {
  const note = make('p', 'undo-note', make('span', '', sentence), button('Close', () => note.remove()))
  byId('undo', HTMLElement).append(note)
  announce(sentence)
}

// A control may be gone once it was pressed, and the focus with it: the box takes it, except from a finger, for which a keyboard would come up.
addEventListener('click', ({ pointerType, target }) => {
  const { activeElement } = document
  const gone = target instanceof Element && !target.checkVisibility()
  if (gone && pointerType !== 'touch' && (activeElement === document.body || !activeElement?.checkVisibility())) composer.focus()
})

const offline = byId('offline', HTMLElement)
for (const event of ['online', 'offline']) addEventListener(event, () => { offline.hidden = navigator.onLine })
offline.hidden = navigator.onLine

shortcuts({ newChat })
route()
void offerModels()
