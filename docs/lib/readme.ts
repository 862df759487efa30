/**
 * A package's README as a page of the site: comments go, links that leave the package become links of the
 * site, links to files that are only in the repository become text.
 *
 * @param text the README.
 * @param folders the packages that have a page.
 */
export function readmeAsPage(text: string, folders: readonly string[]): string {
  const withoutComments = text.replace(/<!--.*?-->\n?/gs, '')
  return withoutComments.replace(
    /(?<!!)\[([^\]]+)\]\(([^)\s]+)\)/g,
    (link, label: string, target: string) => {
      if (/^([a-z]+:|#)/.test(target)) return link
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
