import type { CopilotConfig } from '../config.ts'
import { demoEngine } from './demo.ts'
import type { Engine } from './engine.ts'
import { sdkEngine } from './sdk.ts'

/** The engine that the configuration asks for. Nothing is started before it is asked. */
export function selectEngine (config: CopilotConfig): Engine {
  return config.engine === 'sdk' ? sdkEngine(config) : demoEngine()
}
