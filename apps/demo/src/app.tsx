import { TidewireProvider } from '@tidewire/react'
import { useCallback, useSyncExternalStore } from 'react'
import { Chat } from './chat.tsx'
import { useTheme, useVisibleHeight } from './lib/hooks.ts'
import type { Session } from './lib/session.ts'
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
  return (
    <TidewireProvider client={current.client}>
      <Chat key={current.user} user={current.user} colours={colours} onSignOut={signOut} />
    </TidewireProvider>
  )
}
