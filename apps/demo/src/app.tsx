import { TidewireProvider } from '@tidewire/react'
import { useCallback, useSyncExternalStore } from 'react'
import { useTheme, useVisibleHeight } from './lib/hooks.ts'
import type { Session } from './lib/session.ts'
import { PeopleProvider } from './people/people.tsx'
import { Product } from './product.tsx'
import { SignIn } from './sign-in.tsx'

export function App({ session }: { session: Session }) {
  useVisibleHeight()
  const colours = useTheme()
  const current = useSyncExternalStore(
    useCallback((onChange) => session.onChange(onChange), [session]),
    () => session.current(),
  )
  const signOut = useCallback(() => session.signOut(), [session])
  if (!current) return <SignIn onPick={(user) => session.signIn(user)} />
  const { user, client } = current
  return (
    <TidewireProvider client={client}>
      <PeopleProvider key={user} user={user}>
        <Product user={user} colours={colours} onSignOut={signOut} />
      </PeopleProvider>
    </TidewireProvider>
  )
}
