import type { CopilotClient, CopilotClientOptions, CopilotRequestHandler } from '@github/copilot-sdk'
import { ChildProcess } from 'node:child_process'
import { access, constants, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { CopilotConfig } from '../config.ts'
import { sanitize } from '../../lib/redact.ts'
import { CopilotError } from '../copilot-error.ts'
import { modelCalls } from './sdk-model-calls.ts'
import { ModelTransport } from './sdk-send.ts'
import type { Turn } from './sdk-turn.ts'

/** The part of `@github/copilot-sdk` that this project uses. */
export interface Sdk {
  CopilotClient: new (options: CopilotClientOptions) => CopilotClient
  CopilotRequestHandler: typeof CopilotRequestHandler
}

/** A running runtime process. */
export interface Runtime {
  readonly client: CopilotClient
  /** The turns in progress by session. No other session may call a model. */
  readonly turns: Map<string, Turn>
  /** Aborts when the process is found dead. The SDK does not report this: its sessions only stop sending events. */
  readonly lost: AbortSignal
}

/** Options of the runtime process, for tests. */
export interface RuntimeOptions {
  /** Loads the SDK; an `import` when left out. Rejects when the package is not installed. */
  loadSdk?: () => Promise<Sdk>
  /** How long the process may take to start, in milliseconds; 30,000 by default. */
  patienceMs?: number
  /** How long the process may take to answer a ping, in milliseconds; 10,000 by default. */
  hangMs?: number
}

/** How often the process is pinged, in milliseconds. */
const SIGN_OF_LIFE = 1_000
/** How long the process has to stop by itself before it is killed, in milliseconds. */
const STOP = 5_000

/**
 * The SDK's runtime process: one per service, started on first use, restarted after it died, and confined to a temporary directory
 * that is removed with it.
 */
export class RuntimeHost {
  readonly #config: CopilotConfig
  readonly #secrets: readonly string[]
  readonly #sdk: Promise<Sdk>
  /** Resolves when loading the SDK has succeeded or failed. */
  readonly loaded: Promise<unknown>
  readonly #patienceMs: number
  readonly #hangMs: number
  readonly #closing = new AbortController()
  #directory: string | undefined
  #runtime: Promise<Runtime> | undefined
  #running = false
  readonly #transport: ModelTransport
  readonly #turns = new Map<string, Turn>()

  constructor (config: CopilotConfig, secrets: readonly string[], { loadSdk, patienceMs = 30_000, hangMs = 10_000 }: RuntimeOptions) {
    this.#config = config
    this.#secrets = secrets
    // Loaded early, while file descriptors are free: Node caches a failed import for the life of the process.
    this.#sdk = loadSdk ? loadSdk() : import('@github/copilot-sdk')
    this.loaded = this.#sdk.catch(() => {})
    this.#patienceMs = patienceMs
    this.#hangMs = hangMs
    this.#transport = new ModelTransport(config.runtimeEnvironment)
  }

  /** Whether the process is believed to be running. */
  get running (): boolean {
    return this.#running
  }

  /**
   * The running runtime; starts the process when none is running. Rejects with a `CopilotError`: `sdk` when the SDK is not
   * installed, `spawn` when the process cannot be started.
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

  /** Ends the process even if it is busy, and removes its directory. */
  async close (): Promise<void> {
    this.#closing.abort()
    const runtime = await this.#runtime?.catch(() => undefined)
    if (runtime) {
      // A process that does not stop in time is killed.
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
      // Only the first line: the SDK appends a stack and the output of the process.
      // A TypeError is the SDK's own fault when the process could not be spawned.
      const [reason] = error instanceof TypeError ? ['it could not be spawned; are there file descriptors left (ulimit -n)?'] : error.message.split('\n', 1)
      throw new CopilotError('spawn', sanitize(`The GitHub Copilot runtime could not be started: ${reason}`, this.#secrets))
    })
    this.#running = true
    return this.#watch(client)
  }

  async #spawn (sdk: Sdk): Promise<CopilotClient> {
    const { runtimeEnvironment, token, provider } = this.#config
    // Checked here because the SDK 1.0.14 crashes this process with an unhandled rejection when it cannot execute the file.
    if (runtimeEnvironment.COPILOT_CLI_PATH) await access(runtimeEnvironment.COPILOT_CLI_PATH, constants.X_OK)
    const directory = this.#directory ??= await mkdtemp(join(tmpdir(), 'copilot-service-'))
    const client = new (killingNobodyElse(sdk.CopilotClient))({
      mode: 'empty',
      baseDirectory: directory,
      workingDirectory: directory,
      // Its temporary files go with its directory, even when it dies.
      env: { ...runtimeEnvironment, HOME: directory, USERPROFILE: directory, TMPDIR: directory, TEMP: directory, TMP: directory },
      gitHubToken: provider ? undefined : token?.value,
      useLoggedInUser: false,
      requestHandler: modelCalls(sdk.CopilotRequestHandler, this.#turns, this.#transport.send),
      logLevel: 'none'
    })
    try {
      await within(client.start(), this.#patienceMs)
    } catch (error) {
      await client.forceStop()
      throw error
    }
    return client
  }

  /** Pings the process regularly, because the SDK does not report its death. */
  #watch (client: CopilotClient): Runtime {
    const lost = new AbortController()
    const watch = async () => {
      while (true) {
        await delay(SIGN_OF_LIFE, undefined, { ref: false, signal: this.#closing.signal })
        await within(client.ping(), this.#hangMs)
      }
    }
    watch().catch(async () => {
      lost.abort()
      // During close() the process may stop by itself.
      if (this.#closing.signal.aborted) return
      this.#runtime = undefined
      this.#running = false
      await client.forceStop()
    })
    return { client, turns: this.#turns, lost: lost.signal }
  }
}

async function within (work: Promise<unknown>, ms: number): Promise<void> {
  const timer = new AbortController()
  const timeout = delay(ms, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no answer within ${ms} ms`)
  })
  try {
    await Promise.race([work, timeout])
  } finally {
    timer.abort()
    timeout.catch(() => {})
  }
}

/**
 * Guards against a fault of the SDK 1.0.14: when the runtime could not be spawned, for want of descriptors or memory, the SDK still
 * kills its child process, which has no id. Node 20 then sends the signal to process 0, that is, to this process's whole group.
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
