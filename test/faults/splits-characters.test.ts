import { streams } from '../helper.ts'
import { fault } from './harness.ts'

const answer = 'é€🌍'.repeat(20)

/** Every chunk begins in the middle of one character and ends in the middle of the next. */
function split (text: string): Buffer[] {
  const characters = [...text].map(character => Buffer.from(character))
  const tail = Buffer.alloc(0)
  return [...characters, tail].map((character, index) => Buffer.concat([(characters[index - 1] ?? tail).subarray(1), character.subarray(0, 1)]))
}

fault('The upstream splits every character over two chunks', {
  answer,
  upstream: () => ({ '/chat/stream': streams(...split(answer)) }),
  expected: { text: '200 whole', events: '200 done', upstream: '/chat/stream, kept', log: 'complete' }
})
