import type { RouteConfig } from '@hono/zod-openapi'
import { z } from 'zod'
import { ErrorBody } from './http-schemas.ts'

/** What /openapi.json says about a route that is added, beside what everybody knows of it. */
export interface RouteAbout {
  summary: string
  description?: string
  /** An object: the query. */
  query?: z.ZodType
  /** Of JSON. */
  body?: z.ZodType
  /** Which of the two is bytes, as `application/octet-stream`, instead of JSON. */
  bytes?: 'body' | 'answer'
  /** By status: what is answered. */
  answers: Readonly<Record<number, z.ZodType>>
  /** Statuses of errors beside 400, 401, 403 and 429. */
  errors?: readonly number[]
}

export interface DescribedRoute {
  method: string
  /** `/v1/orders/:id` */
  path: string
  about: RouteAbout
  /** Also for who shows no token. */
  anyone: boolean
}

type Method = RouteConfig['method']
type Operation = RouteConfig & { parameters: object[] }

const EVERY_ERROR = [400, 401, 403, 429]
const BYTES = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }

/** The same as OpenAPI has it. */
export function toOperation({ method, path, about, anyone }: DescribedRoute): RouteConfig {
  const { summary, description, query, body, bytes, answers, errors = [] } = about
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
  const inPath = names.map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const content = bytes === 'body' ? BYTES : body && json(toJsonSchema(body, 'input'))
  const operation = {
    method: method.toLowerCase() as Method,
    path: path.replaceAll(/:(\w+)/g, '{$1}'),
    summary,
    ...(description === undefined ? {} : { description }),
    security: anyone ? [{ bearer: [] }, {}] : [{ bearer: [] }],
    parameters: [...inPath, ...(query === undefined ? [] : inQuery(query))],
    ...(content === undefined ? {} : { requestBody: { required: true, content } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, schema]) => {
          const content = bytes === 'answer' ? BYTES : json(toJsonSchema(schema, 'output'))
          return [status, { description: summary, content }]
        }),
      ),
      ...Object.fromEntries(
        [...new Set([...EVERY_ERROR, ...errors])].map((status) => [
          status,
          { description: 'An error of §7', content: json(ErrorBody) },
        ]),
      ),
    },
  }
  return operation as unknown as Operation
}

function json(schema: unknown): object {
  return { 'application/json': { schema } }
}

/** Numbers of a query are texts that are read as numbers: what is said is what they come to. */
function inQuery(query: z.ZodType): object[] {
  const { properties = {}, required = [] } = toJsonSchema(query, 'output') as {
    properties?: Record<string, { default?: unknown }>
    required?: string[]
  }
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name) && schema.default === undefined,
    schema,
  }))
}

function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}
