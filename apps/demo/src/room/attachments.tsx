import { type Attachment, useUploadLink } from '@tidewire/react'
import { useState } from 'react'
import { sizeOf } from '../lib/words.ts'
import { FileIcon } from '../parts/icons.tsx'

const IMAGES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

/** The files of a message: pictures as such, others by their names. */
export function Attachments({ attachments }: { attachments: readonly Attachment[] }) {
  if (attachments.length === 0) return null
  return (
    <ul className="attachments">
      {attachments.map((attachment) => (
        <li key={attachment.id} data-testid="attachment">
          {IMAGES.has(attachment.type) ? (
            <Picture attachment={attachment} />
          ) : (
            <FileCard attachment={attachment} />
          )}
        </li>
      ))}
    </ul>
  )
}

function Picture({ attachment }: { attachment: Attachment }) {
  const { id, name } = attachment
  const url = useUploadLink(id)
  const [isBroken, setIsBroken] = useState(false)
  if (isBroken) return <FileCard attachment={attachment} />
  return (
    <a className="picture" href={url} target="_blank" rel="noopener noreferrer" title={name}>
      {url !== undefined && (
        <img src={url} alt={name} loading="lazy" onError={() => setIsBroken(true)} />
      )}
    </a>
  )
}

function FileCard({ attachment: { id, name, size } }: { attachment: Attachment }) {
  const url = useUploadLink(id)
  return (
    <a className="file-card" href={url} download={name} title={name}>
      <FileIcon size={22} />
      <span className="file-words">
        <bdi className="ellipsis">{name}</bdi>
        <span className="file-size">{sizeOf(size)}</span>
      </span>
    </a>
  )
}
