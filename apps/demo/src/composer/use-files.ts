import { type Attachment, useUpload, type UploadItem } from '@tidewire/react'
import { useMemo } from 'react'
import type { FileItem, Files } from './files.ts'

const MOST = 10

/** The files of the next message. Whoever may read `channel` may read them. */
export function useFiles(channel: string): Files {
  const { items, uploading, add, retry, remove, clear } = useUpload({ channel })
  return useMemo(
    () => ({
      items: items.map(toItem),
      isBusy: items.some(({ status }) => status !== 'done'),
      areComing: uploading && items.every(({ status }) => status !== 'failed'),
      add: (files) => add([...files].slice(0, Math.max(0, MOST - items.length))),
      retry,
      remove,
      take: () => {
        const attachments = items.flatMap(({ upload }) => (upload ? [toAttachment(upload)] : []))
        clear()
        return attachments
      },
    }),
    [items, uploading, add, retry, remove, clear],
  )
}

function toItem({ key, file, progress, status, error }: UploadItem): FileItem {
  return {
    key,
    name: file.name,
    size: file.size,
    progress: progress.total > 0 ? progress.loaded / progress.total : 0,
    state: status,
    reason: error?.message,
  }
}

function toAttachment({ id, name, type, size }: Attachment): Attachment {
  return { id, name, type, size }
}
