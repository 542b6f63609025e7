import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
  RawNode,
  type RootOperationNode,
  SelectQueryNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Statement, Value } from './messages.ts'
import type { StoreThread } from './store-thread.ts'

/** SQLite in a thread of its own. Statements that are not part of a transaction run together where they can. */
export class StoreDialect implements Dialect {
  readonly #thread: StoreThread

  constructor(thread: StoreThread) {
    this.#thread = thread
  }

  createDriver(): Driver {
    return new StoreDriver(this.#thread)
  }

  createAdapter(): SqliteAdapter {
    return new StoreAdapter()
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler()
  }

  createIntrospector(database: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(database)
  }
}

class StoreAdapter extends SqliteAdapter {
  /** The thread orders them. */
  override get supportsMultipleConnections(): boolean {
    return true
  }

  /** Two processes that migrate at once need it: the lock of the transaction is the lock of the migration. */
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/** Connections are parties to one thread; they cost nothing. */
class StoreDriver implements Driver {
  readonly #thread: StoreThread

  constructor(thread: StoreThread) {
    this.#thread = thread
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new PartyConnection(this.#thread)
  }

  beginTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#thread.begin(connection)
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#thread.end(connection, 'commit')
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#thread.end(connection, 'rollback')
  }

  async releaseConnection(): Promise<void> {}

  destroy(): Promise<void> {
    return this.#thread.close()
  }
}

class PartyConnection implements DatabaseConnection {
  readonly #thread: StoreThread

  constructor(thread: StoreThread) {
    this.#thread = thread
  }

  async executeQuery<R>(compiled: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changes } = await this.#thread.run(this, toStatement(compiled))
    return { rows: rows as R[], numAffectedRows: BigInt(changes) }
  }

  /** All rows at once: what is read from the store is paged by its queries. */
  async *streamQuery<R>(compiled: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(compiled)
  }
}

function toStatement({ sql, parameters, query }: CompiledQuery): Statement {
  const reads = SelectQueryNode.is(query)
  return {
    sql,
    parameters: parameters.map(toValue),
    writes: !reads,
    returns: reads || RawNode.is(query) || isReturning(query),
  }
}

function isReturning(query: RootOperationNode): boolean {
  return 'returning' in query && query.returning !== undefined
}

/** Versions of Node differ in what they take for a value. */
function toValue(parameter: unknown): Value {
  if (parameter === undefined || parameter === null) return null
  if (typeof parameter === 'boolean') return parameter ? 1 : 0
  if (typeof parameter === 'string' || typeof parameter === 'bigint') return parameter
  if (typeof parameter === 'number' || parameter instanceof Uint8Array) return parameter
  throw new TypeError(
    'A parameter of a statement must be a text, a number, bytes, a truth value or null.',
  )
}
