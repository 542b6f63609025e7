import { type DragEvent, type ReactNode, useState } from 'react'
import { ClipIcon } from '../parts/icons.tsx'

interface DropZoneProps {
  label: string
  isDisabled: boolean
  onFiles: (files: FileList) => void
  children: ReactNode
}

const hasFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer.types.includes('Files')

/** The room, onto which files may be dropped. */
export function DropZone({ label, isDisabled, onFiles, children }: DropZoneProps) {
  // Entering a child is leaving its parent: they are counted.
  const [depth, setDepth] = useState(0)
  const over = (event: DragEvent): boolean => {
    if (isDisabled || !hasFiles(event)) return false
    event.preventDefault()
    return true
  }
  return (
    <main
      className="room"
      onDragEnter={(event) => over(event) && setDepth((before) => before + 1)}
      onDragOver={over}
      onDragLeave={(event) => over(event) && setDepth((before) => Math.max(0, before - 1))}
      onDrop={(event) => {
        if (!over(event)) return
        setDepth(0)
        onFiles(event.dataTransfer.files)
      }}
    >
      {children}
      {depth > 0 && (
        <div className="drop" data-testid="drop">
          <p>
            <ClipIcon />
            Drop to share in {label}
          </p>
        </div>
      )}
    </main>
  )
}
