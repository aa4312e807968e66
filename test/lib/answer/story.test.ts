import { test } from 'tap'
import { Story } from '../../../lib/answer/story.ts'
import { GatewayError } from '../../../lib/errors.ts'

test('what one listener throws is reported, and the others are told', async t => {
  const reports: unknown[] = []
  const story = new Story(performance.now(), error => reports.push(error))
  const thrown = new Error('a listener')
  let told = 0
  story.onOver(() => { throw thrown })
  story.onOver(() => { told++ })
  t.equal(story.isOver, false)
  story.settle()
  t.strictSame(reports, [thrown])
  t.equal(told, 1)
})

test('whoever listens late is told at once, and an end counts once', async t => {
  const story = new Story(performance.now(), () => {})
  story.fail(new GatewayError('timeout'))
  story.settle()
  story.settle('complete')
  t.equal(story.ended, 'timeout')
  let told = 0
  story.onOver(() => { told++ })
  t.equal(told, 1)
  const { duration } = story
  t.equal(story.duration, duration, 'its time has stopped')
})
