//! The pose of an asset in a scene.

use crate::alpha::{builder, types};

/// A quaternion is sent unchanged if its length differs from 1 by at most this.
const TOLERANCE: f64 = 1e-6;

/// A position and a rotation in a scene. The default is the origin without rotation.
///
/// # Examples
///
/// ```
/// use std::f64::consts::FRAC_1_SQRT_2;
///
/// use gizmo_client::alpha::Pose;
///
/// // A quarter turn about z.
/// let pose = Pose::at([1.0, 0.0, 0.8]).turned([0.0, 0.0, FRAC_1_SQRT_2, FRAC_1_SQRT_2]);
/// assert_eq!(pose.position[2], 0.8);
/// assert_eq!(Pose::default().rotation, [0.0, 0.0, 0.0, 1.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// x, y and z in the scene's frame. The documentation does not specify a unit. Simulators use
    /// metres.
    pub position: [f64; 3],
    /// A quaternion as x, y, z, w, with the real part w last. It is normalised when it is sent,
    /// because its length does not affect the rotation.
    pub rotation: [f64; 4],
}

impl Default for Pose {
    fn default() -> Self {
        Self {
            position: [0.0; 3],
            rotation: [0.0, 0.0, 0.0, 1.0],
        }
    }
}

impl Pose {
    /// Returns a pose at a position, without rotation.
    pub fn at(position: [f64; 3]) -> Self {
        Self {
            position,
            ..Self::default()
        }
    }

    /// Returns the pose with another rotation: x, y, z, w.
    #[must_use]
    pub fn turned(self, rotation: [f64; 4]) -> Self {
        Self { rotation, ..self }
    }
}

impl TryFrom<Pose> for (types::Position, types::Rotation) {
    type Error = String;

    fn try_from(pose: Pose) -> Result<Self, String> {
        let [x, y, z] = pose.position;
        if !pose.position.iter().all(|part| part.is_finite()) {
            return Err(format!("position: [{x}, {y}, {z}] is not finite"));
        }
        let position = types::Position { x, y, z };
        let [x, y, z, w] = unit(pose.rotation).map_err(|why| format!("rotation: {why}"))?;
        Ok((position, types::Rotation { x, y, z, w }))
    }
}

/// Returns the quaternion with length 1.
// Assumption: alpha-unit-quaternion.
fn unit(quaternion: [f64; 4]) -> Result<[f64; 4], String> {
    let [x, y, z, w] = quaternion;
    let invalid = |why: &str| Err(format!("the quaternion [{x}, {y}, {z}, {w}] {why}"));
    if !quaternion.iter().all(|part| part.is_finite()) {
        return invalid("is not finite");
    }
    // Scaled first, so that no square overflows or underflows.
    let largest = quaternion
        .iter()
        .fold(0.0, |max: f64, part| max.max(part.abs()));
    if largest == 0.0 {
        return invalid("is zero, which is not a rotation; use [0, 0, 0, 1] for no rotation");
    }
    let scaled = quaternion.map(|part| part / largest);
    let length = scaled.iter().map(|part| part * part).sum::<f64>().sqrt();
    if (length * largest - 1.0).abs() <= TOLERANCE {
        return Ok(quaternion);
    }
    Ok(scaled.map(|part| part / length))
}

impl types::PlacedAsset {
    /// Returns the pose of the asset, if the response has it in the form of the request.
    pub fn pose(&self) -> Option<Pose> {
        // Assumption: alpha-placed-assets.
        let position = self.position.as_ref()?;
        let coordinate = |name: &str| position[name].as_f64();
        let pose = Pose::at([coordinate("x")?, coordinate("y")?, coordinate("z")?]);
        let Some(rotation) = &self.rotation else {
            return Some(pose);
        };
        let part = |name: &str| rotation[name].as_f64();
        Some(pose.turned([part("x")?, part("y")?, part("z")?, part("w")?]))
    }
}

impl builder::PlaceAsset<'_> {
    /// Sets the pose of the asset. The service's default is the origin without rotation.
    #[must_use]
    pub fn pose(self, pose: Pose) -> Self {
        match pose.try_into() {
            Ok((position, rotation)) => {
                let (position, rotation): (types::Position, types::Rotation) = (position, rotation);
                self.body_map(|body| body.position(position).rotation(rotation))
            }
            Err(error) => Self {
                body: Err(error),
                ..self
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(rotation: [f64; 4]) -> Result<[f64; 4], String> {
        let (_, types::Rotation { x, y, z, w }) = Pose::default().turned(rotation).try_into()?;
        Ok([x, y, z, w])
    }

    #[test]
    fn a_quaternion_is_sent_unchanged_normalised_or_rejected() {
        for (quaternion, expected) in [
            ([0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]),
            // The negated quaternion is the same rotation, and is not changed.
            ([0.0, 0.0, 0.0, -1.0], [0.0, 0.0, 0.0, -1.0]),
            ([0.0, 0.6, 0.0, 0.8], [0.0, 0.6, 0.0, 0.8]),
            // Within 1e-6.
            ([0.0, 0.0, 0.0, 1.000_000_9], [0.0, 0.0, 0.0, 1.000_000_9]),
            ([0.0, 0.0, 0.0, 1.000_002], [0.0, 0.0, 0.0, 1.0]),
            ([0.0, 0.0, 3.0, 4.0], [0.0, 0.0, 0.6, 0.8]),
            // Squares that overflow, and squares that underflow.
            ([0.0, 0.0, 3e300, 4e300], [0.0, 0.0, 0.6, 0.8]),
            ([0.0, 0.0, -3e-300, 4e-300], [0.0, 0.0, -0.6, 0.8]),
            ([5e-324, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]),
        ] {
            let sent = sent(quaternion).unwrap();
            let is_close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
            assert!(
                sent.iter().zip(&expected).all(is_close),
                "{quaternion:?}: {sent:?}"
            );
        }
        for (quaternion, why) in [
            ([0.0; 4], "rotation: the quaternion [0, 0, 0, 0] is zero"),
            ([0.0, f64::NAN, 0.0, 1.0], "[0, NaN, 0, 1] is not finite"),
            (
                [0.0, 0.0, f64::INFINITY, 1.0],
                "[0, 0, inf, 1] is not finite",
            ),
        ] {
            let error = sent(quaternion).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_position_that_is_not_finite_is_rejected_with_its_name() {
        for part in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let pose = Pose::at([0.0, part, 0.0]);
            let error = <(types::Position, types::Rotation)>::try_from(pose).unwrap_err();
            assert_eq!(error, format!("position: [0, {part}, 0] is not finite"));
        }
    }
}
