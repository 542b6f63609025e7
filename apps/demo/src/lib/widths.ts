/** Below, what stands beside the main pane is a sheet above it. */
export const WIDE = '(min-width: 900px)'
