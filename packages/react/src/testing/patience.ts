import { configure } from '@testing-library/react'

// A second, the default, is little for a machine that does other things as well.
configure({ asyncUtilTimeout: 15_000 })
