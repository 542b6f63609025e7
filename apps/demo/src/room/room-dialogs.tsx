import { DeleteDialog } from './delete-dialog.tsx'
import { ReactionPicker } from './reactions.tsx'
import { CloseIcon } from '../parts/icons.tsx'
import type { UseRoomActionsResult } from './use-room-actions.ts'

/** What the tools of a message open: reactions to choose from, and the question before it is deleted. */
export function RoomDialogs({ doing }: { doing: UseRoomActionsResult }) {
  const { actions, picking, setPicking, deleting, setDeleting, remove } = doing
  return (
    <>
      {picking && (
        <ReactionPicker
          anchor={picking.anchor}
          onChoose={(emoji) => actions.toggle(picking.message, emoji)}
          onClose={() => setPicking(undefined)}
        />
      )}
      {deleting && (
        <DeleteDialog
          message={deleting}
          onDelete={() => {
            remove(deleting)
            setDeleting(undefined)
          }}
          onClose={() => setDeleting(undefined)}
        />
      )}
    </>
  )
}

/** What the server refused, until it is read. */
export function Problem({ doing: { problem, forgetProblem } }: { doing: UseRoomActionsResult }) {
  if (problem === undefined) return null
  return (
    <p className="problem" role="alert">
      <span>{problem}</span>
      <button type="button" className="icon-button" aria-label="Close" onClick={forgetProblem}>
        <CloseIcon />
      </button>
    </p>
  )
}
