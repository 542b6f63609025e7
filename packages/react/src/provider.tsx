import type { Tidewire } from '@tidewire/client'
import { createContext, type ReactNode, useContext, useMemo } from 'react'
import { TideStores } from './tide-stores.ts'

const Context = createContext<TideStores | undefined>(undefined)

export interface TidewireProviderProps<Events> {
  /** Made outside of rendering; the provider neither connects nor closes it. Use one provider for each client. */
  client: Tidewire<Events>
  children?: ReactNode
}

/** Gives the hooks below it their client. */
export function TidewireProvider<Events>({ client, children }: TidewireProviderProps<Events>) {
  const stores = useMemo(() => new TideStores(client as unknown as Tidewire), [client])
  return <Context.Provider value={stores}>{children}</Context.Provider>
}

/** What all hooks of one provider share. Throws outside of a provider. */
export function useStores(): TideStores {
  const stores = useContext(Context)
  if (!stores) {
    throw new Error(
      'There is no client here: put <TidewireProvider client={…}> around this component.',
    )
  }
  return stores
}

/** The client itself, for what has no hook. */
export function useTidewire(): Tidewire {
  return useStores().client
}
