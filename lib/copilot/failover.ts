import { type Answer, streamOf } from '../answer/answer.ts'
import { type MappedError, mapError } from '../errors.ts'
import type { CopilotClient } from './client.ts'
import { isFailing } from './failures.ts'
import type { CopilotPrompt } from './prompt.ts'
import { Standing } from './standing.ts'
import type { Call, Model, ServiceStatus, Sockets, Upstream, UpstreamHealth } from './upstream.ts'

/** The clock and the randomness that choices depend on, so that tests can replace them. */
export interface Chance {
  /** A monotonic clock in milliseconds. */
  readonly now: () => number
  /** A number from 0 up to but not including 1. */
  readonly random: () => number
}

/** Callbacks for the log and the metrics. Callers of {@link Failover} cannot see these events, because they learn of the last service only. */
export interface Watch {
  /** Called when a question is passed on to the next service, because of a failure. */
  readonly passedOn: (failure: MappedError, call: Call) => void
  /** Called when a service is left out from now on. */
  readonly leftOut: (url: string, errorType: string) => void
  /** Called when a service that was left out is asked again. */
  readonly back: (url: string) => void
}

interface Member {
  readonly client: CopilotClient
  readonly standing: Standing
}

/** The order of states: the lowest of all services is the state of the whole. */
const RANKS: Readonly<Record<UpstreamHealth['state'], number>> = { up: 0, unknown: 1, down: 2 }

/**
 * Uses several Copilot services like one. It asks the service with the fewest answers in flight (a random one of several) and leaves out
 * services that keep failing ({@link Standing}). When a question cannot have been processed, it is passed on to the next service, at
 * most once to each. Otherwise it is never sent twice, because an answer costs money and may have side effects.
 */
export class Failover implements Upstream {
  readonly #members: readonly Member[]
  readonly #watch: Watch
  readonly #random: () => number

  /** `clients` has one client for each service. They must not retry by themselves. */
  constructor (clients: readonly CopilotClient[], watch: Watch, { now, random }: Chance = { now: () => performance.now(), random: Math.random }) {
    this.#members = clients.map(client => {
      const { url } = client.status
      return { client, standing: new Standing(now, leftOut => leftOut ? watch.leftOut(url, leftOut.errorType) : watch.back(url)) }
    })
    this.#watch = watch
    this.#random = random
  }

  /** Up when at least one service is up, down when all are down. */
  get health (): UpstreamHealth {
    const { state, since, errorType } = this.services.reduce((best, other) => RANKS[other.state] < RANKS[best.state] ? other : best)
    return { state, ...(since && { since }), ...(errorType && { errorType }) }
  }

  /** The status of each service. One that is left out counts as down, even if it still answers with errors. */
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

  /** Lists the models of all services that answer, each model once; rejects when no service answers. Services that are left out are not asked, unless all are. */
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

  /** Chooses a service among those that are left. One that was left out for long enough is preferred, since only a question can show that it is back. */
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

/** Of services that are left out, returns the one that failed the longest time ago. Services that a question is trying already come last. */
function outLongest (members: readonly Member[]): Member | undefined {
  return [...members].sort((one, other) => Number(one.standing.isTried) - Number(other.standing.isTried) || one.standing.failedAt - other.standing.failedAt)[0]
}

/** Asks one service and reports the outcome to its standing, up to the end of the answer. */
async function ask ({ client, standing }: Member, prompt: CopilotPrompt, call: Call): Promise<Answer> {
  const trial = standing.asked()
  try {
    const answer = await client.answer(prompt, call)
    standing.answered(trial)
    const stream = streamOf(answer)
    stream.once('close', () => {
      // When the caller gives the answer up, the stream fails, too, but the service is not to blame.
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

/** Asks one service for its models. A list of models does not prove that the service can answer questions, so only failures count for its standing. */
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
