import { projectFiles, readText } from './project-files.ts'
import { type Check, type Report, runAlone } from './report.ts'

const binary = /\.(png|jpe?g|gif|ico|webp|woff2?|ttf|pdf|zip|gz|tgz|db|sqlite|wasm)(-\w+)?$/
/** Folders where people and machines keep their own things. A URL's path is not one of them. */
const machinePath = /(?<![\w.:/@}-])(?:file:\/\/)?(?:\/(?:work|home|Users|root|mnt)\/[\w.-]+|[A-Z]:\\Users\\)[\w./\\-]*/

/** What names somebody's folder works on one machine only. */
export const checkMachinePaths: Check = {
  name: 'machine paths',
  run(root): Report {
    const problems = projectFiles(root)
      .filter((file) => !binary.test(file))
      .flatMap((file) => machinePathsIn(file, readText(root, file)))
    return { problems, warnings: [] }
  },
}

function machinePathsIn(file: string, text: string): string[] {
  return text.split('\n').flatMap((line, index) => {
    const found = machinePath.exec(line)
    return found ? [`${file}:${index + 1} names a folder of one machine: ${found[0]}`] : []
  })
}

if (import.meta.main) await runAlone(checkMachinePaths)
