import type { CopilotConfig } from '../config.ts'
import { demoEngine } from './demo.ts'
import type { Engine } from './engine.ts'
import { sdkEngine } from './sdk.ts'

/** The engine that the configuration selects. It starts no process before the first request. */
export function selectEngine (config: CopilotConfig): Engine {
  return config.engine === 'sdk' ? sdkEngine(config) : demoEngine()
}
