import type { CopilotClient, CopilotClientOptions, CopilotRequestHandler } from '@github/copilot-sdk'
import { ChildProcess } from 'node:child_process'
import { access, constants, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { CopilotConfig } from '../config.ts'
import { sanitize } from '../../lib/redact.ts'
import { CopilotError } from '../errors.ts'
import { modelCalls } from './sdk-model-calls.ts'
import { ModelTransport } from './sdk-send.ts'
import type { Turn } from './sdk-turn.ts'

/** The part of `@github/copilot-sdk` that is used. */
export interface Sdk {
  CopilotClient: new (options: CopilotClientOptions) => CopilotClient
  CopilotRequestHandler: typeof CopilotRequestHandler
}

/** A running runtime process. */
export interface Runtime {
  readonly client: CopilotClient
  /** The turns that are answered now, by session. No other session may ask a model. */
  readonly turns: Map<string, Turn>
  /** Aborts when the process is found dead. The SDK itself tells nobody: its sessions just fall silent. */
  readonly lost: AbortSignal
}

/** What tests may change about the runtime process. */
export interface RuntimeOptions {
  /** Loads the SDK; an `import` when left out. Rejects when the package is not installed. */
  loadSdk?: () => Promise<Sdk>
  /** How long the process may take to start, or to answer a sign of life, in milliseconds; 30,000 when left out. */
  patienceMs?: number
}

/** How often the process is asked for a sign of life, in milliseconds. */
const SIGN_OF_LIFE = 1_000
/** How long the process has to end politely, in milliseconds. */
const STOP = 5_000

/**
 * The SDK's runtime process: one per service, started when it is first needed, started again when it died, and confined to a
 * temporary directory that goes away with it.
 */
export class RuntimeHost {
  readonly #config: CopilotConfig
  readonly #secrets: readonly string[]
  readonly #sdk: Promise<Sdk>
  /** Resolves when the SDK is loaded, or cannot be. */
  readonly loaded: Promise<unknown>
  readonly #patienceMs: number
  readonly #closing = new AbortController()
  #directory: string | undefined
  #runtime: Promise<Runtime> | undefined
  #running = false
  readonly #transport: ModelTransport
  readonly #turns = new Map<string, Turn>()

  constructor (config: CopilotConfig, secrets: readonly string[], { loadSdk, patienceMs = 30_000 }: RuntimeOptions) {
    this.#config = config
    this.#secrets = secrets
    // Now, while there are descriptors to read it with: that a module could not be loaded, Node remembers for good.
    this.#sdk = loadSdk ? loadSdk() : import('@github/copilot-sdk')
    this.loaded = this.#sdk.catch(() => {})
    this.#patienceMs = patienceMs
    this.#transport = new ModelTransport(config.runtimeEnvironment)
  }

  /** Whether the process runs, as far as is known. */
  get running (): boolean {
    return this.#running
  }

  /**
   * The running runtime; the process is started when there is none. Rejects with a `CopilotError`: `sdk` when the SDK is
   * not installed, `spawn` when the process cannot be started.
   */
  async runtime (): Promise<Runtime> {
    if (this.#closing.signal.aborted) throw new CopilotError('sdk', 'The Copilot service is closing')
    this.#runtime ??= this.#start()
    try {
      return await this.#runtime
    } catch (error) {
      this.#runtime = undefined
      throw error
    }
  }

  /** Ends the process, whatever it is doing, and removes its directory. */
  async close (): Promise<void> {
    this.#closing.abort()
    const runtime = await this.#runtime?.catch(() => undefined)
    if (runtime) {
      // A process that does not go politely is killed: nobody waits for it any more.
      await Promise.race([runtime.client.stop(), delay(STOP, undefined, { ref: false })])
      await runtime.client.forceStop()
    }
    this.#running = false
    await this.#transport.close()
    if (this.#directory) await rm(this.#directory, { recursive: true, force: true, maxRetries: 3 })
  }

  async #start (): Promise<Runtime> {
    const sdk = await this.#sdk.catch(error => {
      throw new CopilotError('sdk', 'The GitHub Copilot SDK could not be loaded: install it with "npm install @github/copilot-sdk"', { cause: error })
    })
    const client = await this.#spawn(sdk).catch((error: Error) => {
      // The SDK's message goes on with a stack and with what the process wrote.
      // And it stumbles over a process that could not be spawned.
      const [reason] = error instanceof TypeError ? ['it could not be spawned; are there file descriptors left (ulimit -n)?'] : error.message.split('\n', 1)
      throw new CopilotError('spawn', sanitize(`The GitHub Copilot runtime could not be started: ${reason}`, this.#secrets))
    })
    this.#running = true
    return this.#watch(client)
  }

  async #spawn (sdk: Sdk): Promise<CopilotClient> {
    const { runtimeEnvironment, token, provider } = this.#config
    // Checked here because the SDK 1.0.14 brings this whole process down, by an unhandled rejection, when it cannot execute this file.
    if (runtimeEnvironment.COPILOT_CLI_PATH) await access(runtimeEnvironment.COPILOT_CLI_PATH, constants.X_OK)
    const directory = this.#directory ??= await mkdtemp(join(tmpdir(), 'copilot-service-'))
    const client = new (killingNobodyElse(sdk.CopilotClient))({
      mode: 'empty',
      baseDirectory: directory,
      workingDirectory: directory,
      env: { ...runtimeEnvironment, HOME: directory, USERPROFILE: directory },
      gitHubToken: provider ? undefined : token?.value,
      useLoggedInUser: false,
      requestHandler: modelCalls(sdk.CopilotRequestHandler, this.#turns, this.#transport.send),
      logLevel: 'none'
    })
    try {
      await this.#within(client.start())
    } catch (error) {
      await client.forceStop()
      throw error
    }
    return client
  }

  /** Asks for a sign of life again and again: nothing else tells that the process died. */
  #watch (client: CopilotClient): Runtime {
    const lost = new AbortController()
    const watch = async () => {
      while (true) {
        await delay(SIGN_OF_LIFE, undefined, { ref: false, signal: this.#closing.signal })
        await this.#within(client.ping())
      }
    }
    watch().catch(async () => {
      lost.abort()
      // On close() the process gets the chance to end politely.
      if (this.#closing.signal.aborted) return
      this.#runtime = undefined
      this.#running = false
      await client.forceStop()
    })
    return { client, turns: this.#turns, lost: lost.signal }
  }

  async #within (work: Promise<unknown>): Promise<void> {
    const timer = new AbortController()
    const timeout = delay(this.#patienceMs, undefined, { signal: timer.signal }).then(() => {
      throw new Error(`no answer within ${this.#patienceMs} ms`)
    })
    try {
      await Promise.race([work, timeout])
    } finally {
      timer.abort()
      timeout.catch(() => {})
    }
  }
}

/**
 * A client whose runtime could not be spawned, for want of descriptors or memory, has a process without an id to kill, which the
 * SDK 1.0.14 does by itself. Node 20 then sends the signal to process 0: to everything in this process's own group, itself included.
 */
function killingNobodyElse (Client: Sdk['CopilotClient']): Sdk['CopilotClient'] {
  return class extends Client {
    override async forceStop (): Promise<void> {
      const child: unknown = Reflect.get(this, 'cliProcess')
      if (child instanceof ChildProcess && child.pid === undefined) Reflect.set(this, 'cliProcess', null)
      await super.forceStop()
    }
  }
}
