/**
 * Names of files and directories that usually hold secrets, or the history of a repository, which may hold old secrets. They are
 * compared with names in the form of {@link plain}.
 */
const WITHHELD = [
  /^\.env|\.env$/,
  /^\.(git|hg|svn|bzr)$/,
  /^\.(ssh|gnupg|aws|azure|gcloud|kube|docker|password-store)$/,
  /^[._](npmrc|yarnrc(\.yml)?|pypirc|netrc|pgpass|my\.cnf|dockercfg|dockerconfigjson|htpasswd|git-credentials|boto|s3cfg|terraformrc|vault-token)$/,
  /^\.\w+_history$/,
  /^\.?id_(rsa|dsa|ecdsa|ed25519)/,
  /\.(pem|key|p8|p12|pfx|jks|keystore|kdbx?|ppk|tfstate|tfvars|ovpn)$/,
  /^(.*[._-])?(credentials?|secrets?|passwords?|passwd|shadow|kubeconfig|service[_-]?account|client[_-]?secrets?)([._-].*)?(?<!\.[cm]?[jt]sx?|\.(py|rb|go|rs|java|kt|cs|php|c|h|cc|cpp|swift))$/,
  // The directory of the SDK's runtime, in case the project's directory contains the one for temporary files.
  /^copilot-service-/
]

/** Whether a file or directory of this name is withheld from the model, and everything in it. */
export function isWithheld (name: string): boolean {
  const compared = plain(name)
  return WITHHELD.some(pattern => pattern.test(compared))
}

/**
 * A name without what a file system or a reader may ignore in it: case, compatibility forms and invisible characters of Unicode, the
 * stream behind a colon, dots and spaces at the end, and what editors and people append to copies.
 */
function plain (name: string): string {
  return name.normalize('NFKC').replace(/[\p{Default_Ignorable_Code_Point}\p{Cc}]/gu, '').toLowerCase()
    .replace(/:.*$/s, '').replace(/^#|[. #]+$/g, '').replace(/([~]|\.(bak|backup|old|orig|save|copy|tmp|sw[a-z]|\d+))+$/, '')
}
