//! Python: scripts that the tests run, and models in `MuJoCo`.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs Python with the arguments and the environment that `with` adds, for a script that needs `modules`.
///
/// Prints a message and returns `None` where Python cannot import the modules, unless `GIZMO_TEST_PYTHON` is
/// set, as `.ci/run` does after it has installed them.
pub(crate) fn run_python(
    name: &str,
    modules: &str,
    with: impl FnOnce(&mut Command),
) -> Option<Output> {
    let importable = Command::new("python3")
        .args(["-c", &format!("import {modules}")])
        .output();
    if !importable.is_ok_and(|output| output.status.success()) {
        let skipped = format!("skipped: {name}: Python cannot import {modules}");
        assert!(std::env::var_os("GIZMO_TEST_PYTHON").is_none(), "{skipped}");
        #[expect(clippy::print_stdout, reason = "a skipped test prints why")]
        {
            println!("{skipped}");
        }
        return None;
    }
    let mut command = Command::new("python3");
    with(&mut command);
    Some(command.output().unwrap())
}

/// Runs a Python script that needs `modules`, and returns its output, or `None` if [`run_python`] does.
pub(crate) fn python(
    name: &str,
    modules: &str,
    script: &str,
    arguments: &[&str],
) -> Option<String> {
    let output = run_python(name, modules, |command| {
        command.arg("-c").arg(script).args(arguments);
    })?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Writes an archive to a temporary file for Python.
pub(crate) fn stored(name: &str, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("gizmo-simulator-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Loads a model from each archive, simulates a second, and prints the properties of the model.
const MUJOCO: &str = r"
import glob, json, mujoco, numpy, sys, tempfile, zipfile
models = []
for path in sys.argv[1:]:
    with tempfile.TemporaryDirectory() as directory:
        archive = zipfile.ZipFile(path)
        assert archive.testzip() is None
        archive.extractall(directory)
        [path] = glob.glob(directory + '/*.xml')
        model = mujoco.MjModel.from_xml_path(path)
    data = mujoco.MjData(model)
    for _ in range(500):
        mujoco.mj_step(model, data)
    models.append({
        'meshes': model.nmesh, 'textures': model.ntex, 'actuators': model.nu, 'keyframes': model.nkey,
        'bodies': model.nbody, 'without_geoms': int((model.body_geomnum == 0).sum()), 'faces': model.nmeshface,
        'joints': sorted({mujoco.mjtJoint(kind).name for kind in model.jnt_type}),
        'still': bool(numpy.isfinite(data.qpos).all() and abs(data.qvel).max(initial=0) < 0.5),
        'warnings': int(sum(warning.number for warning in data.warning)),
    })
print(json.dumps(models))
";

/// Loads archives in `MuJoCo` and returns the properties of their models.
///
/// Returns `None` where `MuJoCo` is not installed.
pub(crate) fn in_mujoco(name: &str, archives: &[Vec<u8>]) -> Option<Vec<Value>> {
    let numbered = archives.iter().enumerate();
    let paths: Vec<PathBuf> = numbered
        .map(|(index, archive)| stored(&format!("{name}-{index}.zip"), archive))
        .collect();
    let arguments: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let output = python(name, "mujoco, numpy", MUJOCO, &arguments);
    for path in paths {
        std::fs::remove_file(path).unwrap();
    }
    output.map(|output| serde_json::from_str(&output).unwrap())
}
