import { useConnection } from '@tidewire/react'
import { sizeOf } from '../lib/words.ts'
import { CloseIcon, FileIcon, WarningIcon } from '../parts/icons.tsx'
import type { FileItem, Files } from './files.ts'

/** The files of the next message, with how far they are. */
export function FileTray({ files, isDue }: { files: Files; isDue: boolean }) {
  if (files.items.length === 0) return null
  return (
    <>
      <ul className="tray" aria-label="Files" data-testid="tray">
        {files.items.map((item) => (
          <TrayItem key={item.key} item={item} files={files} />
        ))}
      </ul>
      <p className={isDue ? 'hint tray-due' : 'visually-hidden'} role="status">
        {isDue && 'Sent as soon as the files are there.'}
      </p>
    </>
  )
}

function TrayItem({ item, files }: { item: FileItem; files: Files }) {
  const { key, name, progress, state } = item
  const percent = Math.round(progress * 100)
  const { state: connection } = useConnection()
  const isHeldUp = connection.name !== 'connected' && progress === 0
  return (
    <li className="tray-item" data-testid="tray-item" data-state={state}>
      {state === 'failed' ? <WarningIcon size={18} /> : <FileIcon />}
      <span className="tray-words">
        <bdi className="ellipsis" title={name}>
          {name}
        </bdi>
        <span className="tray-state" role={state === 'failed' ? 'alert' : undefined}>
          {state === 'uploading' && isHeldUp ? 'Waits for the connection' : wordsOf(item, percent)}
        </span>
      </span>
      {state === 'failed' && (
        <button type="button" className="link-button" onClick={() => files.retry(key)}>
          Retry
        </button>
      )}
      <button
        type="button"
        className="icon-button"
        aria-label={state === 'uploading' ? `Stop ${name}` : `Remove ${name}`}
        onClick={() => files.remove(key)}
      >
        <CloseIcon />
      </button>
      {state === 'uploading' && (
        <progress className="tray-bar" max={100} value={percent} aria-label={name} />
      )}
    </li>
  )
}

function wordsOf({ state, size, reason }: FileItem, percent: number): string {
  if (state === 'failed') return reason ?? 'Not uploaded.'
  return state === 'done' ? sizeOf(size) : `${percent}% of ${sizeOf(size)}`
}
