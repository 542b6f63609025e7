import type { TidewireError } from '@tidewire/client'
import { deleteUpload, type Progress, upload, type Upload } from '@tidewire/client/uploads'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
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

/** Files on their way to the server. What is on its way when the component goes is aborted. */
export function useUpload({ channel }: UseUploadOptions = {}): UseUploadResult {
  const client = useTidewire()
  const [items, setItems] = useState<readonly UploadItem[]>([])
  const underWay = useRef(new Map<number, AbortController>())
  const lastKey = useRef(0)

  const abortAll = useCallback(() => {
    for (const abort of underWay.current.values()) abort.abort()
    underWay.current.clear()
  }, [])
  useEffect(() => abortAll, [abortAll])

  const actions = useMemo(() => {
    const change = (key: number, to: Partial<UploadItem>): void =>
      setItems((before) => before.map((item) => (item.key === key ? { ...item, ...to } : item)))
    const start = (key: number, file: File): void => {
      const abort = new AbortController()
      underWay.current.set(key, abort)
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
        .finally(() => underWay.current.delete(key))
    }
    return {
      add: (files: Iterable<File>) => {
        const added = Array.from(files, (file): UploadItem => {
          lastKey.current += 1
          const progress = { loaded: 0, total: file.size }
          return { key: lastKey.current, file, progress, status: 'uploading' }
        })
        setItems((before) => [...before, ...added])
        for (const { key, file } of added) start(key, file)
      },
      restart: ({ key, file }: UploadItem) => {
        change(key, { status: 'uploading', progress: { loaded: 0, total: file.size } })
        start(key, file)
      },
      drop: ({ key, upload: sent }: UploadItem) => {
        underWay.current.get(key)?.abort()
        setItems((before) => before.filter((item) => item.key !== key))
        // What stays behind counts towards the user's room, and harms nobody.
        if (sent !== undefined) deleteUpload(client, sent.id).catch(() => undefined)
      },
      clear: () => {
        abortAll()
        setItems([])
      },
    }
  }, [client, channel, abortAll])

  const { add, restart, drop, clear } = actions
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
