/**
 * A package's README, or one of its guides, as a page of the site: comments go, links that leave the package become links of the
 * site, links to files that are only in the repository become text.
 *
 * @param text the README.
 * @param own the folder of its package.
 * @param folders the packages that have a page.
 */
export function readmeAsPage(text: string, own: string, folders: readonly string[]): string {
  const withoutComments = text.replace(/<!--.*?-->\n?/gs, '')
  return withoutComments.replace(
    /(?<!!)\[([^\]]+)\]\(([^)\s]+)\)/g,
    (link, label: string, target: string) => {
      if (/^([a-z]+:|#)/.test(target)) return link
      const [, guide] = /^(?:\.\/)?(?:guides\/)?([a-z-]+)\.md$/.exec(target) ?? []
      if (guide !== undefined) return `[${label}](/reference/guides/${own}-${guide})`
      if (target === '../README.md') return `[${label}](/reference/packages/${own})`
      const [, folder] =
        /^(?:\.\.\/|(?:\.\.\/)*packages\/|\.\.\/\.\.\/packages\/)([a-z-]+)(?:\/(?:README\.md)?)?$/.exec(
          target,
        ) ?? []
      if (folder !== undefined && folders.includes(folder)) return `[${label}](/reference/packages/${folder})`
      if (/^(\.\.\/)+(README\.md)?$/.test(target)) return `[${label}](/)`
      return label
    },
  )
}
