import { type Answer, streamOf } from '../answer/answer.ts'
import { type MappedError, mapError } from '../errors.ts'
import type { CopilotClient } from './client.ts'
import { isFailing } from './failures.ts'
import type { CopilotPrompt } from './prompt.ts'
import { Standing } from './standing.ts'
import type { Call, Model, ServiceStatus, Sockets, Upstream, UpstreamHealth } from './upstream.ts'

/** What makes a choice; tests have others. */
export interface Chance {
  /** A clock in milliseconds that never goes back. */
  readonly now: () => number
  /** A number from 0 up to but not including 1. */
  readonly random: () => number
}

/** Is told what nobody else learns of: an asker sees the last service alone. */
export interface Watch {
  /** A question of a call goes on to the next service, because of a failure. */
  readonly passedOn: (failure: MappedError, call: Call) => void
  /** A service is left out from now on, by its URL. */
  readonly leftOut: (url: string, errorType: string) => void
  /** It is asked again as all others. */
  readonly back: (url: string) => void
}

interface Member {
  readonly client: CopilotClient
  readonly standing: Standing
}

/** Which state of one service is that of all. */
const RANKS: Readonly<Record<UpstreamHealth['state'], number>> = { up: 0, unknown: 1, down: 2 }

/**
 * Several Copilot services as one. The one with the fewest answers in flight is asked, chance deciding between equals, and those that
 * keep failing are left out ({@link Standing}). A question goes on to the next service, at most once each, when it cannot have been
 * processed; never otherwise, because an answer costs money and may do something.
 */
export class Failover implements Upstream {
  readonly #members: readonly Member[]
  readonly #watch: Watch
  readonly #random: () => number

  /** `clients`: one for each service, of which none sends a question twice. */
  constructor (clients: readonly CopilotClient[], watch: Watch, { now, random }: Chance = { now: () => performance.now(), random: Math.random }) {
    this.#members = clients.map(client => {
      const { url } = client.status
      return { client, standing: new Standing(now, leftOut => leftOut ? watch.leftOut(url, leftOut.errorType) : watch.back(url)) }
    })
    this.#watch = watch
    this.#random = random
  }

  /** Up when one of them is; down when all are. */
  get health (): UpstreamHealth {
    const { state, since, errorType } = this.services.reduce((best, other) => RANKS[other.state] < RANKS[best.state] ? other : best)
    return { state, ...(since && { since }), ...(errorType && { errorType }) }
  }

  /** One that is left out is down, even if it answers by saying so. */
  get services (): readonly ServiceStatus[] {
    return this.#members.map(({ client: { status }, standing: { leftOut } }) => {
      return leftOut ? { ...status, state: 'down', since: leftOut.since, errorType: leftOut.errorType } : status
    })
  }

  get sockets (): Sockets {
    const all = this.#members.map(({ client }) => client.sockets)
    const sum = (name: keyof Sockets) => all.reduce((total, sockets) => total + sockets[name], 0)
    return { connected: sum('connected'), free: sum('free'), running: sum('running') }
  }

  async answer (prompt: CopilotPrompt, call: Call): Promise<Answer> {
    const left = new Set(this.#members)
    let failure: unknown
    for (let member = this.#choose(left); member; member = this.#choose(left)) {
      left.delete(member)
      if (failure) this.#watch.passedOn(mapError(failure), call)
      try {
        return await ask(member, prompt, call)
      } catch (error) {
        failure = error
        if (call.signal.aborted || !mapError(error).source?.unprocessed) break
      }
    }
    throw failure
  }

  /** The models of all services that answer, each once; rejects when none does. One that is left out is not asked, unless all are. */
  async models (call: Call): Promise<Model[]> {
    const asked = this.#members.filter(({ standing }) => !standing.leftOut)
    const lists = await Promise.allSettled((asked.length > 0 ? asked : this.#members).map(member => list(member, call)))
    const told = lists.filter(list => list.status === 'fulfilled')
    if (told.length === 0) throw lists.find(list => list.status === 'rejected')?.reason
    const models = new Map<string, Model>()
    for (const model of told.flatMap(({ value }) => value)) if (!models.has(model.id)) models.set(model.id, model)
    return [...models.values()]
  }

  renewToken (token: string): void {
    for (const { client } of this.#members) client.renewToken(token)
  }

  async close (): Promise<void> {
    await Promise.all(this.#members.map(({ client }) => client.close()))
  }

  /** The service to ask among those that are left. One whose time out is over comes first, or nobody would learn that it is back. */
  #choose (left: ReadonlySet<Member>): Member | undefined {
    const members = [...left]
    const due = members.filter(({ standing }) => standing.isDue)
    if (due.length > 0) return outLongest(due)
    if (this.#members.every(({ standing }) => standing.leftOut)) return outLongest(members)

    const asked = members.filter(({ standing }) => !standing.leftOut)
    const fewest = Math.min(...asked.map(({ client }) => client.inFlight))
    const equals = asked.filter(({ client }) => client.inFlight === fewest)
    return equals[Math.floor(this.#random() * equals.length)]
  }
}

/** Of services that are left out, the one that was out longest; those that a question tries already come last. */
function outLongest (members: readonly Member[]): Member | undefined {
  return [...members].sort((one, other) => Number(one.standing.isTried) - Number(other.standing.isTried) || one.standing.failedAt - other.standing.failedAt)[0]
}

/** Asks one service, and tells its standing what became of it, to the end of its answer. */
async function ask ({ client, standing }: Member, prompt: CopilotPrompt, call: Call): Promise<Answer> {
  const trial = standing.asked()
  try {
    const answer = await client.answer(prompt, call)
    standing.answered(trial)
    const stream = streamOf(answer)
    stream.once('close', () => {
      // Whoever gives an answer up ends it, too; of that, the service is not to blame.
      const failure = stream.errored && !call.signal.aborted ? mapError(stream.errored) : undefined
      if (failure && isFailing(failure.status)) standing.failed(trial, failure.errorType)
      else standing.succeeded(trial)
    })
    return answer
  } catch (error) {
    const { errorType, source } = mapError(error)
    if (call.signal.aborted || !source) standing.givenUp(trial)
    else if (source.failing) standing.failed(trial, errorType)
    else standing.succeeded(trial)
    throw error
  }
}

/** Asks one service for its models. That it has some says nothing of its answers; that it cannot be asked does. */
async function list ({ client, standing }: Member, call: Call): Promise<Model[]> {
  const trial = standing.asked()
  try {
    const models = await client.models(call)
    standing.givenUp(trial)
    return models
  } catch (error) {
    const { errorType, source } = mapError(error)
    if (call.signal.aborted || !source?.failing) standing.givenUp(trial)
    else standing.failed(trial, errorType)
    throw error
  }
}
