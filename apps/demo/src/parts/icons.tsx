import type { ReactNode } from 'react'

function Icon({ children, size = 18 }: { children: ReactNode; size?: number }) {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  )
}

export const ClockIcon = () => (
  <Icon size={14}>
    <circle cx="10" cy="10" r="7.2" />
    <path d="M10 6v4l2.6 1.8" />
  </Icon>
)

export const TickIcon = () => (
  <Icon size={14}>
    <path d="m4 10.5 4 4 8-9" />
  </Icon>
)

export const WarningIcon = ({ size = 14 }: { size?: number }) => (
  <Icon size={size}>
    <circle cx="10" cy="10" r="7.2" />
    <path d="M10 6.3v4.4M10 13.6v.01" />
  </Icon>
)

export const SendIcon = () => (
  <Icon>
    <path d="M10 16V4.5M5 9.2l5-5 5 5" />
  </Icon>
)

export const DownIcon = () => (
  <Icon size={16}>
    <path d="M10 4.5V15M5.5 10.8 10 15.3l4.5-4.5" />
  </Icon>
)

export const UpIcon = () => (
  <Icon size={16}>
    <path d="M10 15.5V5M5.5 9.2 10 4.7l4.5 4.5" />
  </Icon>
)

export const SearchIcon = ({ size = 16 }: { size?: number }) => (
  <Icon size={size}>
    <circle cx="9" cy="9" r="5.2" />
    <path d="m13 13 3.5 3.5" />
  </Icon>
)

export const MenuIcon = () => (
  <Icon>
    <path d="M3.5 6h13M3.5 10h13M3.5 14h13" />
  </Icon>
)

export const CloseIcon = () => (
  <Icon size={16}>
    <path d="m5.5 5.5 9 9m0-9-9 9" />
  </Icon>
)

export const SunIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="3.2" />
    <path d="M10 2.5v1.6M10 15.9v1.6M2.5 10h1.6M15.9 10h1.6M4.7 4.7l1.1 1.1M14.2 14.2l1.1 1.1M4.7 15.3l1.1-1.1M14.2 5.8l1.1-1.1" />
  </Icon>
)

export const MoonIcon = ({ size = 18 }: { size?: number }) => (
  <Icon size={size}>
    <path d="M16.3 11.8A6.8 6.8 0 0 1 8.2 3.7a6.8 6.8 0 1 0 8.1 8.1Z" />
  </Icon>
)

export const LeaveIcon = () => (
  <Icon>
    <path d="M8 4H5.2A1.2 1.2 0 0 0 4 5.2v9.6A1.2 1.2 0 0 0 5.2 16H8M12.5 13.5 16 10l-3.5-3.5M16 10H8" />
  </Icon>
)

export const BellIcon = ({ size = 18 }: { size?: number }) => (
  <Icon size={size}>
    <path d="M5 8.4a5 5 0 0 1 10 0c0 4.1 1.6 5.2 1.6 5.2H3.4S5 12.5 5 8.4ZM8.4 16.4a1.9 1.9 0 0 0 3.2 0" />
  </Icon>
)

export const FeedIcon = ({ size = 18 }: { size?: number }) => (
  <Icon size={size}>
    <path d="M4 15.5h.01M4 9.7a6.3 6.3 0 0 1 6.3 6.3M4 4a12 12 0 0 1 12 12" />
  </Icon>
)

export const PeopleIcon = ({ size = 18 }: { size?: number }) => (
  <Icon size={size}>
    <circle cx="7.5" cy="7" r="2.8" />
    <path d="M2.5 16a5 5 0 0 1 10 0M13 4.5a2.8 2.8 0 0 1 0 5.2M14.5 11.7a5 5 0 0 1 3 4.3" />
  </Icon>
)

export const SmileIcon = () => (
  <Icon size={16}>
    <circle cx="10" cy="10" r="7.2" />
    <path d="M7 11.8a3.7 3.7 0 0 0 6 0M7.6 7.8v.01M12.4 7.8v.01" />
  </Icon>
)

export const ReplyIcon = () => (
  <Icon size={16}>
    <path d="M8 5 3.5 9.5 8 14M4 9.5h7.5a5 5 0 0 1 5 5v.5" />
  </Icon>
)

export const EditIcon = () => (
  <Icon size={16}>
    <path d="m4 16 .8-3.5L13 4.3a1.5 1.5 0 0 1 2.1 0l.6.6a1.5 1.5 0 0 1 0 2.1L7.5 15.2 4 16Z" />
  </Icon>
)

export const TrashIcon = () => (
  <Icon size={16}>
    <path d="M4 5.5h12M8 5.5V4h4v1.5M5.5 5.5l.7 10.5h7.6l.7-10.5" />
  </Icon>
)

export const ClipIcon = () => (
  <Icon>
    <path d="m15.5 9.5-5.7 5.7a3.5 3.5 0 0 1-5-5l6-6a2.3 2.3 0 0 1 3.3 3.3l-5.8 5.8a1.1 1.1 0 0 1-1.6-1.6L12 6.5" />
  </Icon>
)

export const FileIcon = ({ size = 18 }: { size?: number }) => (
  <Icon size={size}>
    <path d="M5 3.5h6l4 4v9H5v-13ZM11 3.5v4h4" />
  </Icon>
)

export const TicksIcon = () => (
  <Icon size={16}>
    <path d="m2.5 10.5 3.5 3.5 7-8M10 13l1 1 7-8" />
  </Icon>
)

export const AtIcon = ({ size = 16 }: { size?: number }) => (
  <Icon size={size}>
    <circle cx="10" cy="10" r="3" />
    <path d="M13 7.2v3.5a2 2 0 0 0 4 0V10a7 7 0 1 0-2.7 5.5" />
  </Icon>
)

export const TalkIcon = ({ size = 16 }: { size?: number }) => (
  <Icon size={size}>
    <path d="M4 4.5h12v9H9L5.5 16.5v-3H4v-9Z" />
  </Icon>
)

export const PlusIcon = () => (
  <Icon size={16}>
    <path d="M10 4.5v11M4.5 10h11" />
  </Icon>
)

export const SlidersIcon = () => (
  <Icon>
    <path d="M3.5 6.5h7M14.5 6.5h2M3.5 13.5h2M9.5 13.5h7" />
    <circle cx="12.5" cy="6.5" r="2" />
    <circle cx="7.5" cy="13.5" r="2" />
  </Icon>
)

export const PlugIcon = ({ size = 18 }: { size?: number }) => (
  <Icon size={size}>
    <path d="M7.5 3v4M12.5 3v4M5.5 7h9v2.5a4.5 4.5 0 0 1-9 0V7ZM10 14v3" />
  </Icon>
)

/** Two lines of water. */
export const Mark = ({ size = 20 }: { size?: number }) => (
  <svg className="mark" width={size} height={size} viewBox="0 0 20 20" aria-hidden="true">
    <path d="M2 7.5c2.7-3.3 5.3-3.3 8 0s5.3 3.3 8 0" />
    <path d="M2 13c2.7-3.3 5.3-3.3 8 0s5.3 3.3 8 0" />
  </svg>
)
