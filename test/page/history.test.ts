import { test } from 'tap'
import { History, type Keeper, messagesOf, type Turn } from '../../public/history.ts'

const turn = (prompt: string, answer: string, state: Turn['state'] = 'done'): Turn => ({ prompt, answer, state })

/** A browser's storage, with as much room as a test says. */
function keeper (room = Infinity): Keeper & { readonly items: Map<string, string> } {
  const items = new Map<string, string>()
  return {
    items,
    getItem: name => items.get(name) ?? null,
    removeItem: name => { items.delete(name) },
    setItem: (name, value) => {
      if (value.length > room) throw new Error('QuotaExceededError')
      items.set(name, value)
    }
  }
}

test('whole answers and their questions are sent along, oldest first', async t => {
  t.strictSame(messagesOf([turn('a', 'A'), turn('b', 'B', 'stopped'), turn('c', 'C', 'error'), turn('d', 'D', 'open'), turn('e', 'E')]), [
    { role: 'user', content: 'a' }, { role: 'assistant', content: 'A' }, { role: 'user', content: 'e' }, { role: 'assistant', content: 'E' }
  ])
})

test('what is sent along stays within what the gateway takes', async t => {
  const many = messagesOf(Array.from({ length: 150 }, (_, index) => turn(`q${index}`, 'a')))
  t.equal(many.length, 200)
  t.match(many[0], { role: 'user', content: 'q50' }, 'the oldest are left out')

  const [, long] = messagesOf([turn('q', '🌍'.repeat(30_000))])
  t.equal(long && Array.from(long.content).length, 20_000, 'characters are code points')

  const large = messagesOf(Array.from({ length: 50 }, () => turn('q', 'ü'.repeat(20_000))))
  t.ok(new TextEncoder().encode(JSON.stringify(large)).length < 1_000_000)
  t.ok(large.length >= 10)
})

test('what is kept is found again, in bounds', async t => {
  const storage = keeper()
  const history = new History(storage)
  history.turns.push(turn('first', 'x'.repeat(1_000_000)), turn('second', 'y'.repeat(1_000_000)))
  history.save()
  t.strictSame(new History(storage).turns.map(({ prompt }) => prompt), ['second'])
  history.turns = Array.from({ length: 300 }, (_, index) => turn(`q${index}`, 'a'))
  history.save()
  t.strictSame(new History(storage).turns.map(({ prompt }) => prompt).slice(0, 2), ['q100', 'q101'])
  history.turns = []
  history.save()
  t.equal(storage.items.size, 0, 'nothing is left of a conversation that is over')
})

test('a page that is left keeps what there was, not what fails because of it', async t => {
  const storage = keeper()
  const history = new History(storage)
  const open = turn('q', 'half', 'open')
  history.turns.push(open)
  history.close()
  open.state = 'error'
  history.save()
  t.match(new History(storage).turns, [{ state: 'open' }])
  history.open()
  history.save()
  t.match(new History(storage).turns, [{ state: 'error' }])
})

test('a browser that keeps nothing, has no room, or keeps nonsense', async t => {
  for (const storage of [undefined, keeper(5)]) {
    const history = new History(storage)
    history.turns.push(turn('q', 'a'))
    history.save()
    t.equal(history.turns.length, 1)
    t.strictSame(new History(storage).turns, [])
    history.turns = []
    history.save()
  }
  for (const nonsense of ['{', '7', '[1, null, {}, {"prompt": "q"}, {"prompt": "q", "answer": 1}, {"prompt": "q", "answer": "a"}, {"prompt": "q", "answer": "a", "state": "?"}]']) {
    const storage = keeper()
    storage.getItem = () => nonsense
    t.strictSame(new History(storage).turns, [])
  }
})
