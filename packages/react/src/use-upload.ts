import type { Tidewire, TidewireError } from '@tidewire/client'
import { deleteUpload, type Progress, upload, type Upload } from '@tidewire/client/uploads'
import { type Dispatch, type SetStateAction, useEffect, useMemo, useState } from 'react'
import { useTidewire } from './provider.tsx'

/** A file on its way, or there. Immutable. */
export interface UploadItem {
  /** For React. */
  key: number
  file: File
  progress: Progress
  status: 'uploading' | 'done' | 'failed'
  /** When it is done: what a message names as an attachment. */
  upload?: Upload
  /** When it failed. */
  error?: TidewireError
}

export interface UseUploadOptions {
  /** Who may read this channel may read the files. */
  channel?: string | undefined
}

export interface UseUploadResult {
  /** In the order in which they were added. */
  items: readonly UploadItem[]
  /** Some are on their way. */
  uploading: boolean
  add: (files: Iterable<File>) => void
  /** Tries one that failed again. */
  retry: (key: number) => void
  /** Takes it out: one that is on its way is aborted, one that is there is deleted on the server. */
  remove: (key: number) => void
  /** Forgets all and deletes none: a message has them now. */
  clear: () => void
}

/** Of one component. */
interface UnderWay {
  /** By the keys of the items. */
  readonly aborts: Map<number, AbortController>
  lastKey: number
}

/** Files on their way to the server. What is on its way when the component goes is aborted. */
export function useUpload({ channel }: UseUploadOptions = {}): UseUploadResult {
  const client = useTidewire()
  const [items, setItems] = useState<readonly UploadItem[]>([])
  const [underWay] = useState<UnderWay>(() => ({ aborts: new Map(), lastKey: 0 }))
  useEffect(() => () => abortAll(underWay), [underWay])
  const { add, restart, drop, clear } = useMemo(
    () => actionsOf({ client, channel, underWay, setItems }),
    [client, channel, underWay],
  )
  const withItem = (key: number, act: (item: UploadItem) => void): void => {
    const item = items.find((candidate) => candidate.key === key)
    if (item !== undefined) act(item)
  }
  return {
    items,
    uploading: items.some(({ status }) => status === 'uploading'),
    add,
    retry: (key) => withItem(key, (item) => item.status === 'failed' && restart(item)),
    remove: (key) => withItem(key, drop),
    clear,
  }
}

function abortAll({ aborts }: UnderWay): void {
  for (const abort of aborts.values()) abort.abort()
  aborts.clear()
}

interface ActionsOptions {
  client: Tidewire
  channel: string | undefined
  underWay: UnderWay
  setItems: Dispatch<SetStateAction<readonly UploadItem[]>>
}

/** They never change while the client and the channel stay. */
function actionsOf({ client, channel, underWay, setItems }: ActionsOptions) {
  const change = (key: number, to: Partial<UploadItem>): void =>
    setItems((before) => before.map((item) => (item.key === key ? { ...item, ...to } : item)))
  const start = (key: number, file: File): void => {
    const abort = new AbortController()
    underWay.aborts.set(key, abort)
    const { signal } = abort
    const onProgress = (progress: Progress): void => {
      if (!signal.aborted) change(key, { progress })
    }
    upload(client, file, { channel, onProgress, signal })
      .then(
        (sent) => change(key, { status: 'done', upload: sent }),
        (error: TidewireError) => {
          if (!signal.aborted) change(key, { status: 'failed', error })
        },
      )
      .finally(() => underWay.aborts.delete(key))
  }
  return {
    add: (files: Iterable<File>) => {
      const added = Array.from(files, (file): UploadItem => {
        underWay.lastKey += 1
        const progress = { loaded: 0, total: file.size }
        return { key: underWay.lastKey, file, progress, status: 'uploading' }
      })
      setItems((before) => [...before, ...added])
      for (const { key, file } of added) start(key, file)
    },
    restart: ({ key, file }: UploadItem) => {
      change(key, { status: 'uploading', progress: { loaded: 0, total: file.size } })
      start(key, file)
    },
    drop: ({ key, upload: sent }: UploadItem) => {
      underWay.aborts.get(key)?.abort()
      setItems((before) => before.filter((item) => item.key !== key))
      // What stays behind counts towards the user's quota, and harms nobody.
      if (sent !== undefined) deleteUpload(client, sent.id).catch(() => undefined)
    },
    clear: () => {
      abortAll(underWay)
      setItems([])
    },
  }
}
