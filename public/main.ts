import { createChatClient } from '../client/index.ts'
import { announce } from './announcer.ts'
import { Composer } from './composer.ts'
import { Conversation } from './conversation.ts'
import { Credentials } from './credentials.ts'
import { Details } from './details.ts'
import { button, byId, make } from './dom.ts'
import { History } from './history.ts'
import { Scrolling } from './scrolling.ts'
import { browserStorage } from './storage.ts'

// The gateway serves this page, perhaps under a path of somebody's proxy.
const client = createChatClient({ baseUrl: location.pathname, headers: () => credentials.headers })

const credentials = new Credentials(() => {
  void offerModels()
  conversation.retryWithKey()
})
const composer = new Composer({
  onAsk: prompt => conversation.ask(prompt),
  onStop: () => conversation.stop()
})
const conversation = new Conversation({
  client,
  history: new History(browserStorage()),
  details: new Details(),
  scrolling: new Scrolling(),
  choice: () => composer.choice,
  onBusy: busy => { composer.busy = busy },
  onKeyWanted: why => credentials.ask(why)
})

async function offerModels (): Promise<void> {
  try {
    composer.offer(await client.models())
  } catch {
    // Without a list the service chooses; what is wrong is told when something is asked.
  }
}

for (const example of ['What is a closure?', 'Show me a debounce function', 'How does HTTP stream a body?']) {
  byId('examples', HTMLElement).append(make('li', '', button(example, () => conversation.ask(example), 'example')))
}
byId('new-chat', HTMLButtonElement).addEventListener('click', () => {
  conversation.clear()
  composer.focus()
  announce('A new chat')
})

conversation.restore()
void offerModels()
