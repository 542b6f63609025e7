// Who may do what, as the documentation tells it. Written without a look at the server, which is held to it.

export type Rule = 'anyone' | 'user' | 'member' | 'owner' | 'server'
export type Action = 'subscribe' | 'publish' | 'history'

export interface Namespace {
  publish: Rule
  subscribe: Rule
  history: Rule
  /** Whether the application is asked, too. */
  hook?: true
}

const all = (rule: Rule): Namespace => ({ publish: rule, subscribe: rule, history: rule })

/** One namespace for each rule, and some where the actions differ. */
export const NAMESPACES: Readonly<Record<string, Namespace>> = {
  anyone: all('anyone'),
  user: all('user'),
  member: all('member'),
  owner: all('owner'),
  server: all('server'),
  hooked: { ...all('user'), hook: true },
  // Whoever is there hears what is new; what was before is for few.
  news: { publish: 'server', subscribe: 'anyone', history: 'member' },
  // Whoever is there may write; the one it is for reads.
  inbox: { publish: 'user', subscribe: 'owner', history: 'owner' },
  // Nobody listens live; users look back.
  archive: { publish: 'server', subscribe: 'server', history: 'user' },
}

export interface Role {
  name: string
  /** Absent for nobody in particular, and for servers. */
  user?: string
  server?: true
  /** The claim `channels` of the token. */
  channels?: Readonly<Record<string, readonly string[]>>
  /** Channels that the user was made a member of. */
  memberOf?: readonly string[]
  /** The application says yes when it is asked. */
  hooked?: true
}

const MEMBER_OF = ['member:room', 'news:room']

/** Everybody who tries. */
export const ROLES: readonly Role[] = [
  { name: 'nobody' },
  { name: 'a stranger', user: 'eve' },
  { name: 'a member', user: 'mia', memberOf: MEMBER_OF, hooked: true },
  { name: 'the owner', user: 'ada' },
  {
    name: 'a user with capabilities',
    user: 'cap',
    channels: {
      'server:room': ['subscribe'],
      'owner:ada': ['history'],
      'member:*': ['publish'],
      'hooked:r*': ['*'],
      'inbox:room': ['subscribe', 'history'],
      'user:callee': ['call'],
    },
    hooked: true,
  },
  { name: 'a user whom the application refuses', user: 'ann', channels: { 'hooked:*': ['*'] } },
  { name: 'a user with no capabilities left', user: 'nil', channels: {}, memberOf: MEMBER_OF },
  { name: 'a server key', server: true },
]

/** Two channels of each namespace: one of a group, one of a user. */
export const CHANNELS: readonly string[] = Object.keys(NAMESPACES).flatMap((namespace) => [
  `${namespace}:room`,
  `${namespace}:ada`,
])

export function may(role: Role, action: Action, channel: string): boolean {
  const namespace = NAMESPACES[channel.split(':')[0]!]
  if (namespace === undefined) return false
  if (role.server === true) return true
  const ruled = role.channels === undefined ? rules(role, namespace[action], channel) : undefined
  if (!(ruled ?? granted(role.channels ?? {}, action, channel))) return false
  return namespace.hook === undefined || role.hooked === true
}

function rules({ user, memberOf = [] }: Role, rule: Rule, channel: string): boolean {
  if (rule === 'anyone') return true
  if (user === undefined || rule === 'server') return false
  if (rule === 'user') return true
  if (rule === 'member') return memberOf.includes(channel)
  return owners(channel).includes(user)
}

/** `user:ada`, `dm:ada,bob`, `cart:ada/items`, `cart:ada:items`. */
function owners(channel: string): string[] {
  const rest = channel.split(':').slice(1).join(':')
  return rest.replace(/[/:].*$/, '').split(',')
}

function granted(channels: NonNullable<Role['channels']>, action: string, channel: string) {
  return Object.entries(channels).some(([pattern, actions]) => {
    const matches = pattern.endsWith('*')
      ? channel.startsWith(pattern.slice(0, -1))
      : channel === pattern
    return matches && (actions.includes(action) || actions.includes('*'))
  })
}

/** May call the clients of a user, end their connections, make tokens and members. */
export function mayAdminister(role: Role, what: 'call' | 'administer', user: string): boolean {
  if (role.server === true) return true
  return what === 'call' && granted(role.channels ?? {}, 'call', `user:${user}`)
}

/** With which code the role is refused: those who showed nothing are asked to show something. */
export function refusalOf(role: Role): number {
  return role.user === undefined ? 4001 : 4011
}
