import './styles/index.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { ErrorBoundary } from './error-boundary.tsx'
import { Session } from './lib/session.ts'

const root = document.getElementById('root')
if (!root) throw new Error('The page has no #root.')

createRoot(root).render(
  <StrictMode>
    <ErrorBoundary>
      <App session={new Session(new URLSearchParams(location.search))} />
    </ErrorBoundary>
  </StrictMode>,
)
