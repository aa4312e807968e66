/** What an operation of an OpenAPI document says of its requests. */
interface Operation { readonly requestBody?: unknown, readonly parameters?: unknown }

type Fields = Readonly<Record<string, unknown>>

/** Bodies that show what can be asked, in both forms of it. */
const examples = {
  question: { summary: 'A question', value: { prompt: 'What is a closure?' } },
  chat: { summary: 'The body of the AI SDK', value: { id: 'chat-1', messages: [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'What is a closure?' }] }] } }
}

/**
 * The request of an operation as its clients see it. The schemas that validate it say how it is once defaults are filled in: what
 * has one is not required of anybody.
 */
export function requestOf ({ requestBody, parameters }: Operation, method: string, path: string): object {
  const body = fields(requestBody)
  const content = fields(body.content)
  const json = fields(content['application/json'])
  const chat = `${method} ${path}` === 'post /api/chat'
  return {
    ...(requestBody !== undefined && {
      requestBody: {
        ...body,
        ...(chat && { description: 'A question, or the body of the AI SDK, whose messages have `parts`.', 'x-body-of-the-ai-sdk': { $ref: '#/components/schemas/UiChat' } }),
        content: { ...content, 'application/json': { ...json, schema: asAsked(fields(json.schema)), ...(chat && { examples }) } }
      }
    }),
    ...(Array.isArray(parameters) && { parameters: parameters.map((parameter: unknown) => 'default' in fields(fields(parameter).schema) ? { ...fields(parameter), required: false } : parameter) })
  }
}

function asAsked (schema: Fields): Fields {
  const properties = fields(schema.properties)
  return { ...schema, ...(Array.isArray(schema.required) && { required: schema.required.filter((name: string) => !('default' in fields(properties[name]))) }) }
}

function fields (value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
