#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::{Intrinsics, Pose, Sensor, SensorKind};
use proptest::prelude::*;

fn ring(flat: &[f64]) -> Vec<Point> {
    flat.chunks(2).map(|p| Point { x: p[0], y: p[1] }).collect()
}

/// IoU of objects of one ring each.
fn one_iou(a: &[Point], b: &[Point]) -> f64 {
    polygon_iou(&[a.to_vec()], &[b.to_vec()])
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

#[test]
fn boxes_overlap_and_convert() {
    let (a, b) = (Box2d::new(0.0, 0.0, 10.0, 10.0), Box2d::new(5.0, 5.0, 15.0, 15.0));
    assert!(near(a.iou(&b), 25.0 / 175.0));
    assert!(near(a.iou_crowd(&b), 0.25));
    assert_eq!(a.iou(&Box2d::new(10.0, 0.0, 20.0, 10.0)), 0.0);
    assert_eq!(a.iou(&Box2d::new(f64::NAN, 0.0, 20.0, 10.0)), 0.0);
    assert_eq!(a.iou(&Box2d::new(3.0, 3.0, 1.0, 1.0)), 0.0);
    assert_eq!(Box2d::new(-5.0, 2.0, 300.0, 4.0).clip(100, 50), Some(Box2d::new(0.0, 2.0, 100.0, 4.0)));
    assert_eq!(Box2d::new(-5.0, 2.0, 0.0, 4.0).clip(100, 50), None);
    assert_eq!(b.to_fractions(20, 10), Box2d::new(0.25, 0.5, 0.75, 1.5));
    assert_eq!(b.to_fractions(20, 10).from_fractions(20, 10), b);
    assert_eq!(Box2d::from_center(10.0, 10.0, 10.0, 10.0), b);
    assert_eq!((b.to_xywh(), b.to_center()), ([5.0, 5.0, 10.0, 10.0], [10.0, 10.0, 10.0, 10.0]));
}

#[test]
fn rotated_boxes_overlap_exactly() {
    let square = RotatedBox { cx: 0.0, cy: 0.0, width: 2.0, height: 2.0, angle: 0.0 };
    let turned = RotatedBox { angle: std::f64::consts::FRAC_PI_4, ..square };
    // A square and itself turned by 45°: the octagon 8 (√2 − 1).
    let octagon = 8.0 * (2f64.sqrt() - 1.0);
    assert!(near(square.iou(&turned), octagon / (8.0 - octagon)));
    let quarter = RotatedBox { angle: std::f64::consts::FRAC_PI_2, ..square };
    assert!(near(square.iou(&quarter), 1.0));
    let back = RotatedBox::from_corners(&turned.corners());
    assert!(near(back.angle, turned.angle) && near(back.width, 2.0) && near(back.cx, 0.0));
}

#[test]
fn rings_have_area_length_and_centre() {
    let l = ring(&[0.0, 0.0, 4.0, 0.0, 4.0, 1.0, 1.0, 1.0, 1.0, 3.0, 0.0, 3.0]);
    assert!(near(signed_area(&l), 6.0));
    assert!(near(polygon_perimeter(&l), 14.0));
    let centre = polygon_centroid(&l).unwrap();
    assert!(near(centre.x, 9.0 / 6.0) && near(centre.y, 1.0), "{centre:?}");
    assert_eq!(polygon_centroid(&ring(&[1.0, 2.0, 3.0, 4.0])), Some(Point { x: 2.0, y: 3.0 }));
    assert_eq!(polygon_centroid(&[]), None);
    assert_eq!(polygon_area(&ring(&[f64::NAN, 0.0, 1.0, 0.0, 0.0, 1.0])), 0.0);
    let reversed: Vec<Point> = l.iter().rev().copied().collect();
    assert!(near(signed_area(&reversed), -6.0));
    // The L and the square that fills its notch share nothing; with a square of side 2 at its corner it shares 3.
    let notch = ring(&[1.0, 1.0, 4.0, 1.0, 4.0, 3.0, 1.0, 3.0]);
    assert!(near(one_iou(&l, &notch), 0.0));
    let square = ring(&[0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 2.0, 0.0]);
    assert!(near(one_iou(&reversed, &square), 3.0 / 7.0));
    assert_eq!(clip_polygon(&l, 2, 2).len(), 6);
    assert!(near(polygon_area(&clip_polygon(&l, 2, 2)), 3.0));
}

#[test]
fn cuboids_overlap_exactly() {
    let unit = Box3d { translation: [100.0, 50.0, 1.0], rotation: [1.0, 0.0, 0.0, 0.0], size: [2.0, 2.0, 2.0] };
    let octagon = 8.0 * (2f64.sqrt() - 1.0) * 2.0;
    for axis in 1..4 {
        let mut rotation = [(std::f64::consts::PI / 8.0).cos(), 0.0, 0.0, 0.0];
        rotation[axis] = (std::f64::consts::PI / 8.0).sin();
        let iou = unit.iou(&Box3d { rotation, ..unit });
        assert!(near(iou, octagon / (16.0 - octagon)), "{iou}");
    }
    let beside = Box3d { translation: [102.0, 50.0, 1.0], ..unit };
    assert!(unit.iou(&beside) < 1e-9);
    let half = Box3d { translation: [101.0, 50.0, 1.0], ..unit };
    assert!(near(unit.iou(&half), 1.0 / 3.0));
    let inside = Box3d { size: [1.0, 1.0, 1.0], ..unit };
    assert!(near(unit.iou(&inside), 1.0 / 8.0));
    assert_eq!(unit.corners()[7], [101.0, 51.0, 2.0]);
    assert_eq!(unit.iou(&Box3d { size: [1.0, f64::NAN, 1.0], ..unit }), 0.0);
}

#[test]
fn masks_refuse_what_does_not_fit() {
    assert!(Rle::from_mask(2, 2, &[1, 0, 1]).is_err());
    assert!(Rle { height: 2, width: 2, counts: vec![1, 2] }.to_mask().is_err());
    assert!(Rle { height: u32::MAX, width: 2, counts: vec![] }.check().is_err());
    for text in ["`", "P", "~", "oooooooooooo0", "0000K"] {
        assert!(Rle::from_text(4, 4, text).and_then(|r| r.check()).is_err(), "{text}");
    }
    assert!(Rle::from_polygon(4, 4, &ring(&[f64::INFINITY, 0.0, 1.0, 1.0, 0.0, 1.0])).is_err());
    // A coordinate of any size costs nothing.
    let far = ring(&[-1e300, -1e300, 1e300, -1e300, 1e300, 1e300, -1e300, 1e300]);
    assert_eq!(Rle::from_polygon(8, 6, &far).unwrap().area(), 48);
}

#[test]
fn cameras_project_as_opencv_does() {
    let mut camera = Intrinsics { fx: 1000.0, fy: 990.0, cx: 640.0, cy: 360.0, ..Intrinsics::default() };
    assert_eq!(camera.project([1.0, 0.5, 2.0]), Some(Point { x: 1140.0, y: 607.5 }));
    assert_eq!(camera.project([1.0, 0.5, 0.0]), None);
    assert_eq!(camera.project([1.0, f64::NAN, 1.0]), None);
    let values = [
        ("k1", -0.3),
        ("k2", 0.12),
        ("p1", 0.001),
        ("p2", -0.0007),
        ("k3", -0.02),
        ("k4", 0.05),
        ("k5", 0.01),
        ("k6", -0.004),
    ];
    camera.distortion = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for (point, (u, v)) in GOLDEN_PIXELS {
        let pixel = camera.project(point).unwrap();
        assert!((pixel.x - u).abs() < 1e-9 && (pixel.y - v).abs() < 1e-9, "{point:?}: {pixel:?}");
    }
}

/// What OpenCV 5.0's `projectPoints` answers for the camera above.
const GOLDEN_PIXELS: [([f64; 3], (f64, f64)); 3] = [
    ([1.0, 0.5, 2.0], (1090.9241946379248, 583.6251325957728)),
    ([-0.7, 0.9, 1.5], (248.3387915068028, 858.5859668106266)),
    ([0.01, -0.02, 5.0], (641.999950400102, 356.040090287798)),
];

#[test]
fn fisheye_cameras_project_as_opencv_does() {
    let values = [("k1", -0.05), ("k2", 0.02), ("k3", -0.007), ("k4", 0.001)];
    let distortion = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let camera = Intrinsics { fx: 1000.0, fy: 990.0, cx: 640.0, cy: 360.0, distortion, ..Intrinsics::default() };
    // What OpenCV 4.12's `fisheye.projectPoints` answers.
    let golden = [
        ([1.0, 0.5, 2.0], (1090.5634937294226, 583.0289293960642)),
        ([-0.7, 0.9, 1.5], (248.1743972761666, 858.7380171813365)),
        ([0.01, -0.02, 5.0], (641.9999846668827, 356.0400303595723)),
        ([3.0, 1.0, 0.5], (1900.9540707729743, 776.1148433550816)),
    ];
    for (point, (u, v)) in golden {
        let pixel = camera.project_fisheye(point).unwrap();
        assert!((pixel.x - u).abs() < 1e-9 && (pixel.y - v).abs() < 1e-9, "{point:?}: {pixel:?}");
    }
    assert_eq!(camera.project_fisheye([0.0, 0.0, 1.0]), Some(Point { x: 640.0, y: 360.0 }));
    assert_eq!(camera.project_fisheye([1.0, 0.0, 0.0]), None);
    // Through the vehicle: the camera sits at 1, 2, 3 and looks along its own z.
    let extrinsics = Some(Pose { translation: [1.0, 2.0, 3.0], rotation: [1.0, 0.0, 0.0, 0.0] });
    let sensor = |kind| Sensor {
        name: "c".into(),
        kind,
        description: String::new(),
        extrinsics,
        intrinsics: Some(camera.clone()),
    };
    let point = [2.0, 2.5, 5.0];
    assert_eq!(sensor(SensorKind::FisheyeCamera).project(point), camera.project_fisheye([1.0, 0.5, 2.0]));
    assert_eq!(sensor(SensorKind::Camera).project(point), camera.project([1.0, 0.5, 2.0]));
    assert_eq!(Sensor { intrinsics: None, ..sensor(SensorKind::Camera) }.project(point), None);
}

fn any_box() -> impl Strategy<Value = Box2d> {
    (-50.0..50.0f64, -50.0..50.0f64, 0.1..60.0f64, 0.1..60.0f64).prop_map(|(x, y, w, h)| Box2d::from_xywh(x, y, w, h))
}

fn any_rotated() -> impl Strategy<Value = RotatedBox> {
    (any_box(), -7.0..7.0f64).prop_map(|(b, angle)| {
        let [cx, cy, width, height] = b.to_center();
        RotatedBox { cx, cy, width, height, angle }
    })
}

fn any_cuboid() -> impl Strategy<Value = Box3d> {
    let numbers = prop::array::uniform4(-1.0..1.0f64);
    (prop::array::uniform3(-2.0..2.0f64), numbers, prop::array::uniform3(0.2..4.0f64)).prop_map(
        |(translation, q, size)| Box3d { translation, rotation: quaternion_of_matrix(matrix_of_quaternion(q)), size },
    )
}

/// A star-shaped ring is simple.
fn any_star() -> impl Strategy<Value = Vec<Point>> {
    (prop::collection::vec(1.0..30.0f64, 3..12), 0.0..40.0f64, 0.0..40.0f64, any::<bool>()).prop_map(
        |(radii, x, y, back)| {
            let turn = std::f64::consts::TAU / radii.len() as f64;
            let mut ring: Vec<Point> = radii
                .iter()
                .enumerate()
                .map(|(i, r)| Point { x: x + r * (turn * i as f64).cos(), y: y + r * (turn * i as f64).sin() })
                .collect();
            if back {
                ring.reverse();
            }
            ring
        },
    )
}

fn any_mask() -> impl Strategy<Value = (u32, u32, Vec<u8>)> {
    (1u32..24, 1u32..24).prop_flat_map(|(w, h)| (Just(w), Just(h), prop::collection::vec(0..2u8, (w * h) as usize)))
}

fn wild() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), -1e3..1e3f64, Just(f64::NAN), Just(f64::INFINITY), Just(0.0)]
}

proptest! {
    #[test]
    fn overlap_is_symmetric_bounded_and_whole_with_itself(a in any_box(), b in any_box(), r in any_rotated(), s in any_rotated()) {
        prop_assert!(near(a.iou(&b), b.iou(&a)) && (0.0..=1.0).contains(&a.iou(&b)) && near(a.iou(&a), 1.0));
        prop_assert!(near(r.iou(&s), s.iou(&r)) && (0.0..=1.0).contains(&r.iou(&s)) && near(r.iou(&r), 1.0));
        // Without a turn, both agree.
        let turned = |b: &Box2d| { let [cx, cy, width, height] = b.to_center(); RotatedBox { cx, cy, width, height, angle: 0.0 } };
        prop_assert!(near(a.iou(&b), turned(&a).iou(&turned(&b))));
    }

    #[test]
    fn cuboids_obey_the_same_laws(a in any_cuboid(), b in any_cuboid(), yaw in -3.0..3.0f64, c in any_box(), d in any_box()) {
        let (ab, ba) = (a.iou(&b), b.iou(&a));
        prop_assert!((ab - ba).abs() < 1e-6 && (0.0..=1.0).contains(&ab), "{} {}", ab, ba);
        prop_assert!((a.iou(&a) - 1.0).abs() < 1e-6);
        // Turned about z alone, they are boxes in the plane times their height.
        let flat = |b: &Box2d, angle| { let [cx, cy, width, height] = b.to_center(); RotatedBox { cx, cy, width, height, angle } };
        let tall = |b: &Box2d, angle| {
            let [cx, cy, width, height] = b.to_center();
            Box3d { translation: [cx, cy, 0.0], rotation: quaternion_of_yaw(angle), size: [width, height, 3.0] }
        };
        let (plane, space) = (flat(&c, yaw).iou(&flat(&d, 0.3)), tall(&c, yaw).iou(&tall(&d, 0.3)));
        prop_assert!((plane - space).abs() < 1e-6, "{} {}", plane, space);
        prop_assert!(near(yaw_of_quaternion(quaternion_of_yaw(yaw)), yaw));
    }

    #[test]
    fn rotations_convert_and_poses_invert(q in prop::array::uniform4(-1.0..1.0f64), t in prop::array::uniform3(-9.0..9.0f64), p in prop::array::uniform3(-9.0..9.0f64)) {
        prop_assume!(q.iter().map(|v| v * v).sum::<f64>() > 1e-3);
        let m = matrix_of_quaternion(q);
        let again = matrix_of_quaternion(quaternion_of_matrix(m));
        for (a, b) in m.iter().flatten().zip(again.iter().flatten()) {
            prop_assert!((a - b).abs() < 1e-9);
        }
        let pose = Pose { translation: t, rotation: quaternion_of_matrix(m) };
        for (a, b) in pose.inverse().apply(pose.apply(p)).iter().zip(p) {
            prop_assert!((a - b).abs() < 1e-9);
        }
    }

    #[test]
    fn polygons_agree_with_their_masks(a in any_star(), b in any_star()) {
        let (ab, ba) = (one_iou(&a, &b), one_iou(&b, &a));
        prop_assert!((ab - ba).abs() < 1e-7 && (0.0..=1.0).contains(&ab));
        prop_assert!((one_iou(&a, &a) - 1.0).abs() < 1e-7);
        // Drawn eight times as large, the raster is a fair judge.
        let grown = |ring: &[Point]| ring.iter().map(|p| Point { x: (p.x + 40.0) * 8.0, y: (p.y + 40.0) * 8.0 }).collect::<Vec<_>>();
        let (ga, gb) = (grown(&a), grown(&b));
        let (ma, mb) = (Rle::from_polygon(900, 900, &ga).unwrap(), Rle::from_polygon(900, 900, &gb).unwrap());
        let slack = (polygon_perimeter(&ga) + polygon_perimeter(&gb)) / (polygon_area(&ga) + polygon_area(&gb) + 1.0);
        prop_assert!((ma.iou(&mb) - ab).abs() <= slack + 0.01, "{} {} {}", ma.iou(&mb), ab, slack);
    }

    #[test]
    fn clipping_stays_inside(ring in prop::collection::vec((-80.0..160.0f64, -80.0..160.0f64), 0..12), w in 1u32..100, h in 1u32..100, b in any_box()) {
        let ring: Vec<Point> = ring.into_iter().map(|(x, y)| Point { x, y }).collect();
        let image = Box2d::new(0.0, 0.0, w.into(), h.into());
        let inside = |p: &Point| (0.0..=image.xmax).contains(&p.x) && (0.0..=image.ymax).contains(&p.y);
        prop_assert!(clip_polygon(&ring, w, h).iter().all(inside));
        if let Some(clipped) = b.clip(w, h) {
            prop_assert!(clipped.corners().iter().all(inside) && clipped.area() <= b.area() + 1e-9);
            prop_assert!(near(polygon_area(&clip_polygon(&b.corners(), w, h)), clipped.area()));
        }
    }

    #[test]
    fn masks_read_back((w, h, mask) in any_mask()) {
        let rle = Rle::from_mask(w, h, &mask).unwrap();
        prop_assert_eq!(rle.to_mask().unwrap(), mask.clone());
        prop_assert_eq!(&Rle::from_text(w, h, &rle.to_text()).unwrap(), &rle);
        prop_assert_eq!(rle.area(), mask.iter().map(|&v| u64::from(v)).sum::<u64>());
        prop_assert_eq!(rle.iou(&rle), if rle.area() > 0 { 1.0 } else { 0.0 });
    }

    #[test]
    fn outlines_draw_the_mask_again((w, h, mask) in any_mask()) {
        let rle = Rle::from_mask(w, h, &mask).unwrap();
        let rings = rle.to_polygons().unwrap();
        prop_assert_eq!(rings.iter().map(|ring| signed_area(ring)).sum::<f64>(), rle.area() as f64);
        let mut drawn = vec![0u8; mask.len()];
        for ring in &rings {
            let part = Rle::from_polygon(w, h, ring).unwrap().to_mask().unwrap();
            drawn.iter_mut().zip(part).for_each(|(d, p)| *d ^= p);
        }
        prop_assert_eq!(drawn, mask);
        let hull = bounds(rings.iter().flatten().copied());
        prop_assert_eq!(hull, rle.bounds());
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[ -~]{0,20}") {
        if let Ok(rle) = Rle::from_text(30, 30, &text) {
            let _ = rle.to_mask();
            let _ = rle.to_polygons();
            prop_assert_eq!(Rle::from_text(30, 30, &rle.to_text()).unwrap(), rle);
        }
    }

    #[test]
    fn no_number_panics(n in prop::collection::vec(wild(), 12)) {
        let points = ring(&n);
        let unit = |v: f64| (0.0..=1.0).contains(&v);
        let (a, b) = (Box2d::new(n[0], n[1], n[2], n[3]), Box2d::new(n[4], n[5], n[6], n[7]));
        prop_assert!(unit(a.iou(&b)) && unit(a.iou_crowd(&b)));
        let r = RotatedBox { cx: n[0], cy: n[1], width: n[2], height: n[3], angle: n[4] };
        let s = RotatedBox { cx: n[5], cy: n[6], width: n[7], height: n[8], angle: n[9] };
        prop_assert!(unit(r.iou(&s)));
        let c = Box3d { translation: [n[0], n[1], n[2]], rotation: [n[3], n[4], n[5], n[6]], size: [n[7], n[8], n[9]] };
        let iou = c.iou(&Box3d { translation: [n[9], n[10], n[11]], ..c });
        prop_assert!(unit(iou));
        prop_assert!(unit(one_iou(&points, &points.iter().rev().copied().collect::<Vec<_>>())));
        let _ = (polygon_centroid(&points), clip_polygon(&points, 9, 9), Rle::from_polygon(9, 9, &points));
        let _ = (quaternion_of_matrix([[n[0], n[1], n[2]], [n[3], n[4], n[5]], [n[6], n[7], n[8]]]), yaw_of_quaternion([n[0], n[1], n[2], n[3]]));
    }
}
