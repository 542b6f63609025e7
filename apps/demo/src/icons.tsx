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

export const SearchIcon = () => (
  <Icon size={16}>
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

export const MoonIcon = () => (
  <Icon>
    <path d="M16.3 11.8A6.8 6.8 0 0 1 8.2 3.7a6.8 6.8 0 1 0 8.1 8.1Z" />
  </Icon>
)

export const LeaveIcon = () => (
  <Icon>
    <path d="M8 4H5.2A1.2 1.2 0 0 0 4 5.2v9.6A1.2 1.2 0 0 0 5.2 16H8M12.5 13.5 16 10l-3.5-3.5M16 10H8" />
  </Icon>
)

/** Two lines of water. */
export const Mark = ({ size = 20 }: { size?: number }) => (
  <svg className="mark" width={size} height={size} viewBox="0 0 20 20" aria-hidden="true">
    <path d="M2 7.5c2.7-3.3 5.3-3.3 8 0s5.3 3.3 8 0" />
    <path d="M2 13c2.7-3.3 5.3-3.3 8 0s5.3 3.3 8 0" />
  </svg>
)
