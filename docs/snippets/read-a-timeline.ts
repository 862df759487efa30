// #region code
import { readFile, writeFile } from 'node:fs/promises'
import { casRegister, checkLinearizable } from '@quorate/checker'
import { parseHistory } from '@quorate/checker/formats'
import { renderTimeline } from '@quorate/checker/timeline'

/** Judges a register and draws what happened. */
export async function drawTimeline(file: string, page: string): Promise<void> {
  const history = parseHistory(await readFile(file), { file })
  const result = checkLinearizable(history, casRegister())
  await writeFile(page, renderTimeline(history, result))
}
// #endregion code
