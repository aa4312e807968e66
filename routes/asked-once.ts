import type { FastifyRequest } from 'fastify'
import { GatewayError } from '../lib/errors.ts'

/** Refuses a client that reconnects by asking its question again: it has an answer, or the beginning of one, already. A hook for `onRequest`. */
export async function askedOnce ({ headers }: FastifyRequest): Promise<void> {
  if (headers['last-event-id']) throw new GatewayError('already_asked', { detail: 'a POST with Last-Event-ID would ask it twice' })
}
